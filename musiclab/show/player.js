// The player: one audio element, and a cursor that runs over notation and piano roll with it.
// Time is counted in quarter lengths, as everywhere in musiclab; the sound has seconds.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#56b4e9", "#e69f00", "#000000", "#882255"];
const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]; // as in the whole course
const ROLL = { left: 34, right: 8, top: 16, bottom: 4, row: 5, width: 880 };

function make(tag, attributes, parent, words) {
  const svg = ["svg", "rect", "line", "text"].includes(tag);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (words !== undefined) element.textContent = words;
  parent?.append(element);
  return element;
}

// Where the audio comes from: the plain audio element that stands above the player in the same cell, which is stored in
// the notebook; if there is none (the player is part of another widget), the kernel is asked.
function findSound(model, el, id, use) {
  const outputs = el.closest(".jp-OutputArea, .output, .output_wrapper, .cell-output") ?? document;
  const all = [...outputs.querySelectorAll(`audio[data-musiclab="${id}"]`)];
  const plain = all.find((audio) => !audio.dataset.taken) ?? all[0]; // one each, if a cell shows a piece twice
  if (plain) {
    plain.dataset.taken = "yes";
    plain.style.display = "none";
    use(plain.src);
  } else {
    model.send({ kind: "sound", id });
  }
}

function drawRoll(piece, parent) {
  const pitches = piece.notes.map((note) => note[2]);
  const low = Math.min(...pitches, 127) - 1, high = Math.max(...pitches, 0) + 1;
  const height = ROLL.top + ROLL.bottom + Math.max(6, high - low + 1) * ROLL.row;
  const x = (t) => ROLL.left + (t / piece.duration) * (ROLL.width - ROLL.left - ROLL.right);
  const y = (pitch) => ROLL.top + (high - pitch) * ROLL.row;
  const roll = make("svg", { viewBox: `0 0 ${ROLL.width} ${height}`, class: "musiclab-roll", "aria-hidden": "true" }, parent);
  make("rect", { width: ROLL.width, height, fill: "#fff" }, roll);
  const chosen = make("rect", { y: 0, height, fill: "#0072b2", "fill-opacity": 0.15, width: 0 }, roll);
  for (let pitch = low; pitch <= high; pitch++) {
    if (pitch % 12) continue;
    make("line", { x1: ROLL.left, x2: ROLL.width - ROLL.right, y1: y(pitch - 0.5) + 2.5, y2: y(pitch - 0.5) + 2.5, stroke: "#c8c8c8" }, roll);
  }
  // The lowest and the highest note have their names, and each C that is not too near to them.
  const named = piece.notes.length ? [low + 1, high - 1] : [];
  for (let pitch = low; pitch <= high; pitch++) {
    if (pitch % 12 === 0 && named.every((other) => Math.abs(other - pitch) > 2)) named.push(pitch);
  }
  for (const pitch of new Set(high - low > 4 ? named : named.slice(0, 1))) {
    make("text", { x: 4, y: y(pitch) + 6, "font-size": 10, fill: "#333" }, roll, NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1));
  }
  const bars = Math.ceil(piece.duration / piece.bar - 1e-9), step = 2 ** Math.ceil(Math.log2(Math.max(1, bars / 20)));
  for (let bar = 0; bar < bars; bar++) {
    make("line", { x1: x(bar * piece.bar), x2: x(bar * piece.bar), y1: ROLL.top, y2: height, stroke: "#9a9a9a", "stroke-width": 0.7 }, roll);
    if (bar % step === 0) make("text", { x: x(bar * piece.bar) + 2, y: 11, "font-size": 10, fill: "#333" }, roll, String(bar + 1));
  }
  // Full, hollow, pale and thin: four shapes beside the colours, so that a grey copy can still be read.
  for (const [onset, duration, pitch, voice] of piece.notes) {
    const colour = COLOURS[voice % COLOURS.length], shape = (voice + Math.floor(voice / COLOURS.length)) % 4;
    const thick = shape === 3 ? 2.4 : 4.4;
    make("rect", {
      x: x(onset), width: Math.max(1, x(onset + duration) - x(onset) - 1.6), y: y(pitch) + (5 - thick) / 2, height: thick,
      fill: shape === 1 ? "#fff" : colour, "fill-opacity": shape === 2 ? 0.45 : 1, stroke: colour, "stroke-width": 0.8,
    }, roll);
  }
  const cursor = make("line", { y1: 0, y2: height, stroke: "#d00000", "stroke-width": 1.5 }, roll);
  const left = (part) => (part - ROLL.left / ROLL.width) / (1 - (ROLL.left + ROLL.right) / ROLL.width);
  return {
    element: roll,
    timeAt: (event) => {
      const box = roll.getBoundingClientRect();
      return Math.min(1, Math.max(0, left((event.clientX - box.left) / box.width))) * piece.duration;
    },
    show: (t) => { cursor.setAttribute("x1", x(t)); cursor.setAttribute("x2", x(t)); },
    choose: (range) => {
      chosen.setAttribute("x", range ? x(range[0]) : 0);
      chosen.setAttribute("width", range ? x(range[1]) - x(range[0]) : 0);
    },
  };
}

function drawNotation(piece, parent) {
  const page = make("div", { class: "musiclab-page" }, parent);
  const image = make("img", { alt: piece.text, width: piece.size[0], height: piece.size[1] }, page);
  const packed = new Blob([piece.svg]).stream().pipeThrough(new DecompressionStream("gzip"));
  new Response(packed).text().then((svg) => { image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg); });
  const cursor = make("div", { class: "musiclab-cursor" }, page);
  const { places, size: [width, height] } = piece;
  const show = (t) => {
    let k = places.findLastIndex((place) => place[0] <= t + 1e-9);
    k = Math.max(k, 0);
    const [onset, x, top, bottom] = places[k], next = places[k + 1];
    // Between two notes of a line the cursor glides; at a line's end it waits.
    const glide = next && next[2] === top ? ((t - onset) / (next[0] - onset)) * (next[1] - x) : 0;
    cursor.style.left = `${(100 * (x + Math.max(0, glide))) / width}%`;
    cursor.style.top = `${(100 * (top - 8)) / height}%`;
    cursor.style.height = `${(100 * (bottom - top + 16)) / height}%`;
  };
  const timeAt = (event) => {
    const box = page.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width, y = ((event.clientY - box.top) / box.height) * height;
    const away = ([, px, top, bottom]) => Math.abs(px - x) + 20 * Math.max(0, top - 15 - y, y - bottom - 15);
    return places.slice(0, -1).reduce((best, place) => (away(place) < away(best) ? place : best), places[0])[0];
  };
  return { element: page, show, timeAt };
}

function render({ model, el }) {
  const quiet = window.matchMedia("(prefers-reduced-motion: reduce)");
  let end = () => {}, chosenTempo = 100;

  function build() {
    end();
    el.replaceChildren();
    const piece = model.get("piece");
    const box = make("div", { class: "musiclab-player", tabindex: 0, role: "group", "aria-label": `Player. ${piece.text}` }, el);
    const bar = make("div", { class: "musiclab-controls" }, box);
    const play = make("button", { type: "button", class: "musiclab-play", disabled: "" }, bar, "▶ Play");
    const stop = make("button", { type: "button" }, bar, "■ Stop");
    const seek = make("input", { type: "range", min: 0, max: piece.duration, step: 0.25, value: 0, "aria-label": "Position" }, bar);
    const where = make("span", { class: "musiclab-where" }, bar);
    const loop = make("label", { title: "Repeat the selection: drag over the notes, or press [ and ] at its ends" }, bar, "loop ");
    const looping = make("input", { type: "checkbox" }, loop);
    const speed = make("label", {}, bar, "tempo ");
    const tempo = make("input", { type: "range", min: 40, max: 160, step: 5, value: chosenTempo, "aria-label": "Tempo in per cent" }, speed);
    const percent = make("span", {}, speed, `${chosenTempo} %`);
    const remark = make("div", { class: "musiclab-remark", role: "status" }, box, piece.remark);
    const page = drawNotation(piece, box), roll = drawRoll(piece, box);

    const audio = make("audio", { preload: "auto" }, box);
    // JupyterLab would take keys for commands (d, d deletes a cell), wherever in the player the focus is.
    for (const part of [box, ...box.querySelectorAll("button, input")]) part.dataset.lmSuppressShortcuts = "true";
    const quarters = (seconds) => (seconds * piece.tempo) / 60, seconds = (t) => (t * 60) / piece.tempo;
    const beats = Math.ceil(piece.duration / piece.beat - 1e-9);
    let range = null, frame = 0;

    function show() {
      let t = Math.min(quarters(audio.currentTime), piece.duration);
      if (quiet.matches && !audio.paused) t = Math.floor(t / piece.beat + 1e-6) * piece.beat; // from beat to beat, no gliding
      page.show(t);
      roll.show(t);
      seek.value = t;
      const inBar = Math.floor(t / piece.bar + 1e-6);
      where.textContent = `bar ${Math.min(inBar + 1, piece.bars)} of ${piece.bars}`;
      seek.setAttribute("aria-valuetext", `${where.textContent}, beat ${Math.floor((t - inBar * piece.bar) / piece.beat + 1e-6) + 1}`);
    }
    function go(t) {
      audio.currentTime = seconds(Math.min(Math.max(t, 0), piece.duration));
      show();
    }
    function run() {
      const now = quarters(audio.currentTime);
      if (looping.checked && (now >= (range?.[1] ?? piece.duration) || audio.ended)) {
        audio.currentTime = seconds(range?.[0] ?? 0);
        if (audio.paused) audio.play();
      }
      show();
      if (!audio.paused || (looping.checked && audio.ended)) frame = requestAnimationFrame(run);
    }
    function toggle() {
      if (!audio.paused) return audio.pause();
      const now = quarters(audio.currentTime);
      if (looping.checked && range && (now < range[0] || now >= range[1])) go(range[0]);
      else if (now >= piece.duration - 0.01) go(0);
      audio.play().catch(() => { remark.textContent = "This browser does not let the sound begin; press Play once more."; });
    }
    function choose(from, to) {
      range = to - from < piece.beat / 2 ? null : [from, to];
      roll.choose(range);
      looping.checked = range !== null;
      const number = (t) => Math.floor(t / piece.bar + 1e-6) + 1;
      remark.textContent = range ? `Loop from bar ${number(range[0])} to bar ${number(range[1] - 1e-3)}. Escape ends it.` : piece.remark;
    }

    audio.addEventListener("play", () => { play.textContent = "❚❚ Pause"; frame = requestAnimationFrame(run); });
    audio.addEventListener("pause", () => { play.textContent = "▶ Play"; show(); });
    audio.addEventListener("seeked", show);
    audio.addEventListener("canplay", () => { play.disabled = false; });
    play.addEventListener("click", toggle);
    stop.addEventListener("click", () => { audio.pause(); go(looping.checked && range ? range[0] : 0); });
    seek.addEventListener("input", () => go(Number(seek.value)));
    tempo.addEventListener("input", () => {
      chosenTempo = Number(tempo.value); // of the next piece, too
      audio.defaultPlaybackRate = audio.playbackRate = chosenTempo / 100;
      percent.textContent = `${tempo.value} %`;
    });

    // A click goes there; a drag over the roll selects what is to be repeated.
    page.element.addEventListener("click", (event) => go(page.timeAt(event)));
    let from = null;
    roll.element.addEventListener("pointerdown", (event) => { from = roll.timeAt(event); roll.element.setPointerCapture(event.pointerId); });
    roll.element.addEventListener("pointermove", (event) => {
      if (from !== null) roll.choose([from, roll.timeAt(event)].sort((a, b) => a - b));
    });
    roll.element.addEventListener("pointercancel", () => { from = null; roll.choose(range); });
    roll.element.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const [a, b] = [from, roll.timeAt(event)].sort((p, q) => p - q);
      from = null;
      choose(a, b);
      go(a);
    });

    box.addEventListener("keydown", (event) => {
      // A button and a tick box have a use for the space bar, the tempo for the arrows; else they are the player's.
      const presses = event.target.matches("button, [type=checkbox]"), slides = event.target === tempo;
      const now = quarters(audio.currentTime), step = event.shiftKey ? piece.bar : piece.beat;
      const keys = {
        " ": () => !presses && toggle(),
        ArrowLeft: () => !slides && go(now - step),
        ArrowRight: () => !slides && go(now + step),
        Home: () => !slides && go(0),
        End: () => !slides && go(piece.duration),
        "[": () => choose(now, range && range[1] > now ? range[1] : piece.duration),
        "]": () => choose(range && range[0] < now ? range[0] : 0, now),
        l: () => { looping.checked = !looping.checked; },
        Escape: () => choose(0, 0),
      };
      const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
      event.stopPropagation();
      if (act && act() !== false) event.preventDefault();
    });

    let url = null;
    const missing = "No sound yet: run this cell to hear it.";
    const use = (source) => {
      audio.defaultPlaybackRate = chosenTempo / 100;
      audio.src = source;
      if (remark.textContent === missing) remark.textContent = piece.remark; // it came late: the kernel was busy
    };
    const received = (message, buffers) => {
      if (message.kind !== "sound" || message.id !== piece.id || audio.src) return; // it may be for another view
      use(url = URL.createObjectURL(new Blob([buffers[0]], { type: message.mime })));
    };
    model.on("msg:custom", received);
    requestAnimationFrame(() => findSound(model, el, piece.id, use)); // by then the player stands in its place on the page
    const late = setTimeout(() => { if (!audio.src) remark.textContent = missing; }, 4000);
    show();
    end = () => {
      audio.pause();
      audio.removeAttribute("src");
      if (url) URL.revokeObjectURL(url);
      cancelAnimationFrame(frame);
      clearTimeout(late);
      model.off("msg:custom", received);
    };
  }

  build();
  model.on("change:piece", build);
  return () => { end(); model.off("change:piece", build); };
}

export default { render };
