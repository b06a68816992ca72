// The stage of lesson 12. Bars come from Python as sound, one ahead; each is set exactly where the last one ends.

const SVG = "http://www.w3.org/2000/svg";
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#aa4499"];
// What a scene looks like: sky, ground, and a sign that tells it without colour.
const LOOKS = {
  explore: { sky: "#cfe8ff", ground: "#8cc084", sign: "☀" },
  danger: { sky: "#4b3a63", ground: "#2a2238", sign: "☾" },
  battle: { sky: "#7c2d2d", ground: "#3d1717", sign: "⚔" },
  victory: { sky: "#fff3c4", ground: "#d9b44a", sign: "★" },
};
const PLAIN = { sky: "#e8e8e8", ground: "#b8b8b8", sign: "♪" };
const AHEAD = 0.08; // seconds that a bar needs to be set in time
const WRITING = 0.15; // seconds that Python is given to write a bar anew

function make(tag, attributes, parent, words) {
  const svg = ["svg", "rect", "line", "text", "path", "g"].includes(tag);
  const element = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (words !== undefined) element.textContent = words;
  parent?.append(element);
  return element;
}

function draw(picture, name, bar) {
  picture.replaceChildren();
  const look = LOOKS[name] ?? PLAIN;
  make("rect", { width: 720, height: 200, fill: look.sky }, picture);
  make("path", { d: "M0 150 Q120 110 240 140 T480 135 T720 145 V200 H0 Z", fill: look.ground }, picture);
  const ink = ["danger", "battle"].includes(name) ? "#fff" : "#222";
  make("text", { x: 660, y: 62, "font-size": 52, "text-anchor": "middle", fill: ink }, picture, look.sign);
  make("text", { x: 16, y: 34, "font-size": 24, fill: ink }, picture, name);
  if (!bar) return null;
  make("text", { x: 16, y: 58, "font-size": 15, fill: ink }, picture, `bar ${bar.number}${bar.returns ? ", the theme" : ""}`);
  const roll = make("g", {}, picture);
  make("rect", { x: 150, y: 10, width: 440, height: 122, fill: "#fff", "fill-opacity": 0.85 }, roll);
  for (const [onset, duration, pitch, voice] of bar.notes) {
    make("rect", {
      x: 152 + onset * 109, width: Math.max(2, duration * 109 - 2), y: 128 - ((pitch - 36) * 116) / 60, height: 4,
      fill: COLOURS[voice % 4], stroke: "#222", "stroke-width": voice % 2 ? 0.8 : 0,
    }, roll);
  }
  return make("line", { x1: 152, x2: 152, y1: 10, y2: 132, stroke: "#d00000", "stroke-width": 2 }, roll);
}

function render({ model, el }) {
  const scenes = model.get("scenes");
  const keys = scenes.length > 1 ? `Keys 1 to ${scenes.length} choose the scene.` : "";
  const box = make("div", { class: "musiclab-game", tabindex: 0, role: "group", "aria-label": `The game. ${keys}` }, el);
  const controls = make("div", { class: "musiclab-game-controls" }, box);
  const play = make("button", { type: "button" }, controls, "▶ Play");
  const says = make("span", { role: "status" }, controls);
  const picture = make("svg", { viewBox: "0 0 720 200", "aria-hidden": "true" }, box);
  for (const part of [box, play]) part.dataset.lmSuppressShortcuts = "true"; // JupyterLab takes keys for commands
  let context = null, playing = false, timer = null, cursor = null;
  let waiting = null, sounding = null, end = 0; // one bar waits, one sounds; `end` is when the last of them ends
  let asked = false, stale = false, pressed = null, changed = null;
  draw(picture, model.get("scene"), null);

  function ask(message) {
    asked = true;
    model.send(message);
  }
  // The bar that waits belongs to the scene before. If there is time, it is written anew; one request at a time.
  function renew() {
    if (asked || !waiting || waiting.start < context.currentTime + WRITING) return;
    stale = false;
    ask({ kind: "again", number: waiting.number });
  }
  function stop() {
    if (!playing) return;
    playing = false;
    clearInterval(timer);
    if (waiting) model.send({ kind: "stopped", number: waiting.number });
    for (const bar of [waiting, sounding]) bar?.source.stop();
    [waiting, sounding, end, asked, stale, pressed, changed] = [null, null, 0, false, false, null, null];
    play.textContent = "▶ Play";
    says.textContent = "";
  }
  function set(bar) {
    const now = context.currentTime;
    // Written anew: it takes the place of the bar that waits, unless that one is as good as sounding.
    if (waiting?.number === bar.number && waiting.start > now + AHEAD / 2) {
      end = waiting.start;
      waiting.source.stop();
      waiting = null;
    }
    if (end < now + AHEAD / 2) {
      if (sounding) model.set("underruns", model.get("underruns") + 1);
      end = now + AHEAD;
    }
    bar.source = context.createBufferSource();
    bar.source.buffer = bar.buffer;
    bar.source.connect(context.destination);
    bar.source.start(end);
    bar.start = end;
    end += bar.buffer.duration;
    if (waiting) sounding = begin(waiting);
    waiting = bar;
    if (changed && bar.scene === changed.scene && !stale) {
      model.set("latency", (bar.start - changed.time) / changed.bar);
      changed = null;
    }
    box.dataset.underruns = model.get("underruns");
    box.dataset.latency = model.get("latency");
    model.save_changes();
  }
  function begin(bar) {
    model.send({ kind: "begun", number: bar.number });
    cursor = draw(picture, bar.scene, bar);
    says.textContent = `${bar.scene}, bar ${bar.number}`;
    return bar;
  }
  function run() {
    const now = context.currentTime;
    if (waiting && waiting.start <= now) {
      sounding = begin(waiting);
      waiting = null;
    }
    if (cursor && sounding) {
      const x = 152 + 436 * Math.min(1, Math.max(0, now - sounding.start) / sounding.buffer.duration);
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
    }
    if (!waiting && !asked) {
      stale = false;
      ask({ kind: "more" });
    }
    if (stale) renew();
  }
  function answered(message, buffers) {
    if (!playing) return;
    if (message.kind === "changed") {
      stale = true;
      if (sounding) changed = { scene: message.scene, time: pressed ?? context.currentTime, bar: sounding.buffer.duration };
      pressed = null;
      renew();
    } else if (message.kind === "kept") {
      asked = false;
    } else if (message.kind === "failed") {
      stop();
    } else if (message.kind === "bar") {
      asked = false;
      const bytes = buffers[0], length = (bytes.byteLength ?? bytes.buffer.byteLength) / 4;
      const frames = new Int16Array(bytes.buffer ? bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) : bytes);
      const buffer = context.createBuffer(2, length, message.rate);
      for (const channel of [0, 1]) {
        const out = buffer.getChannelData(channel);
        for (let k = 0; k < length; k++) out[k] = frames[channel * length + k] / 32767;
      }
      set({ number: message.number, scene: message.scene, returns: message.returns, notes: message.notes, buffer });
    }
  }
  function changeScene() {
    if (!playing) draw(picture, model.get("scene"), null);
  }
  model.on("msg:custom", answered);
  model.on("change:scene", changeScene);
  play.addEventListener("click", async () => {
    if (playing) return stop();
    playing = true;
    play.textContent = "■ Stop";
    // At the rate of the sound itself: a browser that changes the rate of each bar would leave a seam between two of them.
    context ??= new AudioContext({ sampleRate: 24000 });
    await context.resume();
    if (!playing) return;
    end = context.currentTime + AHEAD;
    timer = setInterval(run, 30);
  });
  box.addEventListener("keydown", (event) => {
    const scene = event.ctrlKey || event.metaKey || event.altKey ? undefined : scenes[Number(event.key) - 1];
    if (scene) {
      pressed = context?.currentTime ?? null;
      model.send({ kind: "scene", name: scene });
      event.preventDefault();
    }
    event.stopPropagation();
  });
  return () => {
    stop();
    context?.close();
    model.off("msg:custom", answered);
    model.off("change:scene", changeScene);
  };
}

export default { render };
