# `make` alone prints what there is. On Windows, which has no make: pip install -e ".[test]", then python -m musiclab.
PYTHON ?= python3
HERE := .venv/bin/python

.PHONY: help environment lab test test-browser notebooks student models bench lint lock clean

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

environment:  ## make .venv with the exact tested packages (every other target does it first)
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON) here: install Python 3.11, 3.12 or 3.13."; exit 1; }
	@$(PYTHON) tools/bootstrap.py

lab: environment  ## open the course in the browser (PORT=8890, ARGS=--no-browser)
	@$(HERE) -m musiclab $(if $(PORT),--port $(PORT)) $(ARGS)

test: environment  ## run all tests, notebooks included, on two cores (ARGS="-k score" picks some)
	$(HERE) -m pytest --nbval -n 2 --dist loadfile $(ARGS)

test-browser: environment  ## open every lesson in a real browser, run it, do an exercise, move its widgets (ARGS="-k 05")
	MUSICLAB_LESSONS=all $(HERE) -m pytest -s tests/test_course_in_browser.py $(ARGS)

notebooks: environment  ## execute the lessons again and write their notebooks (ARGS=05 picks one)
	$(HERE) tools/notebooks.py $(ARGS)

student: environment  ## make a copy for students, without the worked answers (ARGS=FOLDER, else build/student)
	@$(HERE) tools/student.py $(ARGS)

models: environment  ## train the models of data/ again
	$(HERE) -m musiclab.training recipe
	$(HERE) -m musiclab.training melody
	$(HERE) -m musiclab.training chorale
	$(HERE) -m musiclab.training scenes

bench: environment  ## measure every published figure and write the tables (ARGS=startup picks one, ARGS="--peers PYTHON")
	$(HERE) benchmarks $(ARGS)

lint: environment  ## check style and formatting
	$(HERE) -m ruff check .
	$(HERE) -m ruff format --check .

lock: environment  ## write requirements.lock from pyproject.toml (ARGS=--upgrade takes the newest versions)
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
		--custom-compile-command "make lock" --extra test --extra dev $(ARGS) pyproject.toml -o requirements.lock

clean:  ## remove .venv, caches and build leftovers (never what you wrote)
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
