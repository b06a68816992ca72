// The piano in the browser: keys, sound, metronome, MIDI. Python is told of a phrase when it is over.

const NAMES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]; // as in the whole course
const WHITE = [0, 2, 4, 5, 7, 9, 11];
// Places on the computer's keyboard and not letters, so that all layouts play alike.
const ROW = ["KeyA", "KeyW", "KeyS", "KeyE", "KeyD", "KeyF", "KeyT", "KeyG", "KeyY", "KeyH", "KeyU", "KeyJ", "KeyK", "KeyO", "KeyL", "KeyP", "Semicolon", "Quote"];
const LETTERS = "awsedftgyhujkolp;'";
const RELEASE = 0.12; // seconds until the damper has silenced a string, as in show/sound.py
const EARLY = 0.15; // of a beat: so early, a note still belongs to the bar line after it

const nameOf = (pitch) => NAMES[pitch % 12] + (Math.floor(pitch / 12) - 1);
const isWhite = (pitch) => WHITE.includes(pitch % 12);

function make(tag, attributes, parent, words) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (words !== undefined) element.textContent = words;
  parent?.append(element);
  return element;
}

function render({ model, el }) {
  const box = make("div", { class: "musiclab-piano", role: "group", "aria-label": "Piano" }, el);
  const bar = make("div", { class: "musiclab-piano-controls" }, box);
  const metronome = make("button", { type: "button", "aria-pressed": "false" }, bar, "Metronome");
  const speed = make("label", {}, bar, "tempo ");
  const tempo = make("input", { type: "number", min: 30, max: 240, step: 1, "aria-label": "Tempo in quarters a minute" }, speed);
  const down = make("button", { type: "button", title: "z" }, bar, "Octave down");
  const up = make("button", { type: "button", title: "x" }, bar, "Octave up");
  const midi = make("button", { type: "button" }, bar, "MIDI keyboard");
  const turn = make("button", { type: "button", title: "Enter" }, bar, "My turn is over");
  const keys = make("div", { class: "musiclab-keys", role: "group", tabindex: 0,
    "aria-label": "Keys. The row a s d f plays white keys, w e t y u black ones; z and x change the octave; Enter ends your turn" }, box);
  const remark = make("div", { class: "musiclab-piano-remark", role: "status" }, box);
  const say = (words) => { remark.textContent = words; };
  const now = () => performance.now() / 1000;

  // --- sound ---
  let context = null, bank = null, asked = false;
  function wake() {
    // A browser lets sound begin only at a click or a key.
    if (!context) {
      context = new AudioContext({ latencyHint: "interactive" });
      context.onstatechange = startClicks; // the metronome may have been turned on before sound was allowed
    }
    if (context.state === "suspended") context.resume();
    if (!bank && !asked) { asked = true; model.send({ kind: "bank" }); }
  }
  function unpack(message, buffers) {
    const samples = new Int16Array(buffers[0].buffer ?? buffers[0], buffers[0].byteOffset ?? 0, (buffers[0].byteLength ?? 0) / 2);
    bank = message.pitches.map((pitch, k) => {
      const buffer = new AudioBuffer({ length: message.frames, sampleRate: message.rate });
      const data = buffer.getChannelData(0);
      for (let n = 0; n < message.frames; n++) data[n] = samples[k * message.frames + n] / 32768;
      return { pitch, buffer };
    });
    box.dataset.sound = "ready";
  }
  function strike(pitch, velocity, when) {
    if (!bank) { say("The sound of the piano is on its way; your notes count already."); return null; }
    const near = bank.reduce((best, note) => (Math.abs(note.pitch - pitch) < Math.abs(best.pitch - pitch) ? note : best));
    const source = new AudioBufferSourceNode(context, { buffer: near.buffer, playbackRate: 2 ** ((pitch - near.pitch) / 12) });
    const gain = new GainNode(context, { gain: 1.2 * (velocity / 127) ** 1.6 });
    source.connect(gain).connect(context.destination);
    source.start(when);
    return { source, gain };
  }
  function damp(voice, when) {
    if (!voice) return;
    voice.gain.gain.setTargetAtTime(0, when, RELEASE / 3);
    voice.source.stop(when + 2 * RELEASE);
  }

  // --- the phrase ---
  let notes = [], last = 0;
  const held = new Map(); // pitch -> the note that sounds
  const beatSeconds = () => ((60 / model.get("tempo")) * 4) / model.get("time_signature")[1];
  const barSeconds = () => beatSeconds() * model.get("time_signature")[0];
  function press(pitch, velocity = 80, at = now()) {
    if (pitch < 0 || pitch > 127 || held.has(pitch)) return;
    wake();
    const note = { on: at, off: null, pitch, velocity, voice: strike(pitch, velocity, context.currentTime) };
    held.set(pitch, note);
    notes.push(note);
    mark(pitch, "down", true);
    if (notes.length === 1 && bank) say("Listening …");
  }
  function release(pitch, at = now()) {
    const note = held.get(pitch);
    if (!note) return;
    held.delete(pitch);
    note.off = Math.max(at, note.on + 0.02);
    last = note.off;
    damp(note.voice, context.currentTime);
    mark(pitch, "down", false);
  }
  function end() {
    for (const pitch of [...held.keys()]) release(pitch);
    if (!notes.length) { say("Play something first."); return; }
    const first = notes[0].on;
    let zero = first;
    if (clicking) { // the bar line at or before the first note
      const bars = Math.floor((first - clicking.start + EARLY * beatSeconds()) / barSeconds());
      zero = clicking.start + Math.max(bars, 0) * barSeconds();
    }
    const phrase = notes.map((note) => {
      const on = Math.max(note.on - zero, 0);
      return [on, Math.max(note.off - zero, on + 0.02), note.pitch, note.velocity];
    });
    notes = [];
    say(`Your phrase has ${phrase.length} ${phrase.length === 1 ? "note" : "notes"}.`);
    model.send({ kind: "phrase", notes: phrase });
  }
  function forget() {
    for (const pitch of [...held.keys()]) release(pitch);
    notes = [];
    say("Forgotten. Begin again.");
  }
  const watch = setInterval(() => { if (notes.length && !held.size && now() - last > barSeconds()) end(); }, 40);

  // --- metronome ---
  let clicking = null;
  function click(when, accent) {
    const source = new OscillatorNode(context, { frequency: accent ? 1760 : 1175 });
    const gain = new GainNode(context, { gain: 0.15 });
    gain.gain.setValueAtTime(0.15, when);
    gain.gain.exponentialRampToValueAtTime(0.001, when + 0.05);
    source.connect(gain).connect(context.destination);
    source.start(when);
    source.stop(when + 0.06);
  }
  function startClicks() {
    // As long as a context does not run, its clock stands still and says nothing about the clock of the keys.
    if (clicking || !model.get("metronome") || context?.state !== "running") return;
    const lead = 0.1, begin = context.currentTime + lead;
    // The moment at which a beat is heard, on the clock of the keys.
    clicking = { start: now() + lead + (context.outputLatency || 0), begin, next: 0 };
    clicking.timer = setInterval(() => {
      for (; begin + clicking.next * beatSeconds() < context.currentTime + 0.2; clicking.next++) {
        click(begin + clicking.next * beatSeconds(), clicking.next % model.get("time_signature")[0] === 0);
      }
    }, 50);
  }
  function stopClicks() {
    if (clicking) clearInterval(clicking.timer);
    clicking = null;
  }
  function showMetronome() {
    const on = model.get("metronome");
    metronome.setAttribute("aria-pressed", String(on));
    metronome.textContent = on ? "Metronome: on" : "Metronome: off";
    stopClicks();
    startClicks();
  }
  metronome.addEventListener("click", () => {
    wake();
    model.set("metronome", !model.get("metronome"));
    model.save_changes();
  });
  tempo.addEventListener("change", () => {
    const value = Number(tempo.value);
    if (value >= 30 && value <= 240) { model.set("tempo", value); model.save_changes(); }
    else { say("The tempo is 30 to 240."); tempo.value = model.get("tempo"); }
  });

  // --- keys ---
  let buttons = new Map();
  function mark(pitch, what, on) { buttons.get(pitch)?.classList.toggle(what, on); }
  function build() {
    const lowest = model.get("lowest"), all = [...Array(model.get("count")).keys()].map((k) => lowest + k);
    const whites = all.filter(isWhite), width = 100 / whites.length;
    const focused = keys.contains(document.activeElement);
    keys.replaceChildren();
    buttons = new Map();
    for (const pitch of all) {
      const white = isWhite(pitch), before = whites.filter((other) => other < pitch).length;
      const letter = LETTERS[pitch - lowest] ?? "";
      const key = make("button", { type: "button", class: `musiclab-key ${white ? "white" : "black"}`, tabindex: -1,
        "aria-label": nameOf(pitch), "data-pitch": pitch, "data-lm-suppress-shortcuts": "true" }, keys);
      key.style.left = `${white ? before * width : before * width - 0.3 * width}%`;
      key.style.width = `${white ? width : 0.6 * width}%`;
      make("span", { "aria-hidden": "true" }, key, letter);
      if (white && pitch % 12 === 0) make("span", { "aria-hidden": "true" }, key, nameOf(pitch));
      buttons.set(pitch, key);
    }
    for (const pitch of held.keys()) mark(pitch, "down", true);
    if (focused) keys.focus();
  }
  const pitchAt = (event) => Number(event.target.closest?.("[data-pitch]")?.dataset.pitch ?? -1);
  const fingers = new Map(); // pointer -> pitch
  keys.addEventListener("pointerdown", (event) => {
    const pitch = pitchAt(event);
    if (pitch < 0 || event.button > 0) return;
    event.target.releasePointerCapture?.(event.pointerId); // a finger may slide to the next key
    fingers.set(event.pointerId, pitch);
    press(pitch);
    keys.focus();
    event.preventDefault();
  });
  keys.addEventListener("pointerover", (event) => {
    const pitch = pitchAt(event);
    if (!fingers.has(event.pointerId) || pitch < 0 || fingers.get(event.pointerId) === pitch) return;
    release(fingers.get(event.pointerId));
    fingers.set(event.pointerId, pitch);
    press(pitch);
  });
  const lift = (event) => {
    if (fingers.has(event.pointerId)) release(fingers.get(event.pointerId));
    fingers.delete(event.pointerId);
  };
  window.addEventListener("pointerup", lift);
  window.addEventListener("pointercancel", lift);

  const typed = new Map(); // place on the computer's keyboard -> pitch
  function octave(step) {
    const lowest = model.get("lowest") + 12 * step;
    if (lowest < 36 || lowest > 72) { say("There are no more octaves on this side."); return; }
    for (const pitch of [...held.keys()]) release(pitch);
    typed.clear();
    model.set("lowest", lowest);
    model.save_changes();
  }
  function walk(step) {
    const all = [...buttons.values()], place = all.indexOf(document.activeElement);
    all[place < 0 ? 0 : Math.min(Math.max(place + step, 0), all.length - 1)].focus();
  }
  keys.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
    event.stopPropagation();
    const place = ROW.indexOf(event.code);
    const focused = Number(document.activeElement?.dataset?.pitch ?? -1);
    if (place >= 0) {
      if (!event.repeat && !typed.has(event.code)) {
        const pitch = model.get("lowest") + place;
        typed.set(event.code, pitch);
        press(pitch);
      }
    } else if (event.code === "Space") {
      if (!event.repeat && focused >= 0) { typed.set("Space", focused); press(focused); }
    } else if (event.code === "KeyZ" || event.code === "KeyX") { if (!event.repeat) octave(event.code === "KeyZ" ? -1 : 1); }
    else if (event.key === "ArrowRight" || event.key === "ArrowLeft") walk(event.key === "ArrowRight" ? 1 : -1);
    else if (event.key === "Enter") { if (!event.repeat) end(); }
    else if (event.key === "Escape") forget();
    else return;
    event.preventDefault();
  });
  keys.addEventListener("keyup", (event) => {
    if (!typed.has(event.code)) return;
    release(typed.get(event.code));
    typed.delete(event.code);
    event.preventDefault();
  });
  keys.addEventListener("focusout", (event) => {
    if (keys.contains(event.relatedTarget)) return;
    for (const pitch of typed.values()) release(pitch); // their keyup will go elsewhere
    typed.clear();
  });

  // --- MIDI ---
  let access = null;
  function listen() {
    const inputs = [...access.inputs.values()];
    for (const input of inputs) {
      input.onmidimessage = ({ data: [status, pitch, velocity], timeStamp }) => {
        const at = timeStamp ? timeStamp / 1000 : now(), kind = status & 0xf0;
        if (kind === 0x90 && velocity > 0) press(pitch, velocity, at);
        else if (kind === 0x80 || kind === 0x90) release(pitch, at);
      };
    }
    say(inputs.length ? `Listening to ${inputs.map((input) => input.name).join(", ")}.` : "No MIDI keyboard is connected; connect one now, and play.");
  }
  midi.addEventListener("click", async () => {
    wake();
    if (!navigator.requestMIDIAccess) { say("This browser has no Web MIDI. Use the keys on the screen, or Chrome, Edge or Firefox."); return; }
    try {
      access = await navigator.requestMIDIAccess();
      access.onstatechange = listen;
      listen();
    } catch (error) {
      say(`The browser did not allow MIDI (${error.message}).`);
    }
  });

  // --- what Python plays ---
  let timers = [];
  function perform(list) {
    timers.forEach(clearTimeout);
    timers = [];
    if (!context) { say("Press any key of the piano once: the browser then allows sound."); wake(); }
    const begin = context.currentTime + 0.03;
    for (const [on, duration, pitch, velocity] of list) {
      if (bank) damp(strike(pitch, velocity, begin + on), begin + on + duration);
      timers.push(setTimeout(() => mark(pitch, "heard", true), 1000 * (on + 0.03)));
      timers.push(setTimeout(() => mark(pitch, "heard", false), 1000 * (on + 0.03 + 0.95 * duration)));
    }
  }
  const received = (message, buffers) => {
    if (message.kind === "bank") { unpack(message, buffers); say("The piano is ready."); }
    if (message.kind === "play") perform(message.notes);
  };

  const showTempo = () => { tempo.value = model.get("tempo"); showMetronome(); };
  const showRemark = () => { if (model.get("remark")) say(model.get("remark")); };
  for (const part of [keys, ...bar.querySelectorAll("button, input")]) part.dataset.lmSuppressShortcuts = "true";
  turn.addEventListener("click", end);
  down.addEventListener("click", () => octave(-1));
  up.addEventListener("click", () => octave(1));
  model.on("msg:custom", received);
  model.on("change:lowest", build);
  model.on("change:count", build);
  model.on("change:metronome", showMetronome);
  model.on("change:tempo", showTempo);
  model.on("change:time_signature", showMetronome);
  model.on("change:remark", showRemark);
  build();
  showTempo();
  showRemark();
  asked = true;
  model.send({ kind: "bank" });
  return () => {
    clearInterval(watch);
    stopClicks();
    timers.forEach(clearTimeout);
    window.removeEventListener("pointerup", lift);
    window.removeEventListener("pointercancel", lift);
    model.off("msg:custom", received);
    for (const [name, act] of [["lowest", build], ["count", build], ["metronome", showMetronome], ["tempo", showTempo], ["time_signature", showMetronome], ["remark", showRemark]]) model.off(`change:${name}`, act);
    if (access) for (const input of access.inputs.values()) input.onmidimessage = null;
    context?.close();
  };
}

export default { render };
