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
  const box = make("div", { class: "musiclab-game", tabindex: 0, role: "group", "aria-label": "The game. Keys 1 to 4 choose the scene." }, el);
  const controls = make("div", { class: "musiclab-game-controls" }, box);
  const play = make("button", { type: "button" }, controls, "▶ Play");
  const says = make("span", { role: "status" }, controls);
  const picture = make("svg", { viewBox: "0 0 720 200", "aria-hidden": "true" }, box);
  for (const part of [box, play]) part.dataset.lmSuppressShortcuts = "true"; // JupyterLab takes keys for commands
  let context = null, waiting = [], sounding = null, end = 0, cursor = null, timer = null, asked = false, heard = 0, changed = null;
  draw(picture, model.get("scene"), null);

  function ask() {
    asked = true;
    model.send({ kind: "more" });
  }
  function stop() {
    clearInterval(timer);
    for (const bar of [...waiting, sounding]) bar?.source.stop();
    [waiting, sounding, end, timer, changed] = [[], null, 0, null, null];
    play.textContent = "▶ Play";
    says.textContent = "";
  }
  function set(bar) {
    const now = context.currentTime;
    // A bar of the same number was written anew: it takes the place of the one that waits.
    const old = waiting.findIndex((other) => other.number === bar.number);
    if (old >= 0) {
      end = waiting[old].start;
      for (const other of waiting.splice(old)) other.source.stop();
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
    waiting.push(bar);
    if (changed && bar.scene === changed.scene) {
      model.set("latency", (bar.start - changed.time) / changed.bar);
      changed = null;
    }
    model.save_changes();
  }
  function run() {
    const now = context.currentTime;
    while (waiting.length && waiting[0].start <= now) {
      sounding = waiting.shift();
      heard = sounding.number;
      model.send({ kind: "begun", number: heard });
      cursor = draw(picture, sounding.scene, sounding);
      says.textContent = `${sounding.scene}, bar ${heard}`;
    }
    if (cursor && sounding) {
      const x = 152 + 436 * Math.min(1, (now - sounding.start) / sounding.buffer.duration);
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
    }
    if (!waiting.length && !asked) ask();
  }
  model.on("msg:custom", (message, buffers) => {
    if (message.kind !== "bar" || timer === null) return;
    asked = false;
    const bytes = buffers[0], length = (bytes.byteLength ?? bytes.buffer.byteLength) / 4;
    const frames = new Int16Array(bytes.buffer ? bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) : bytes);
    const buffer = context.createBuffer(2, length, message.rate);
    for (const channel of [0, 1]) {
      const out = buffer.getChannelData(channel);
      for (let k = 0; k < length; k++) out[k] = frames[channel * length + k] / 32767;
    }
    set({ number: message.number, scene: message.scene, returns: message.returns, notes: message.notes, buffer });
  });
  function changeScene() {
    if (sounding) changed = { scene: model.get("scene"), time: context.currentTime, bar: sounding.buffer.duration };
    if (!timer) draw(picture, model.get("scene"), null);
  }
  model.on("change:scene", changeScene);
  play.addEventListener("click", async () => {
    if (timer !== null) return stop();
    play.textContent = "■ Stop";
    // At the rate of the sound itself: a browser that changes the rate of each bar would leave a seam between two of them.
    context ??= new AudioContext({ sampleRate: 24000 });
    await context.resume();
    end = context.currentTime + AHEAD;
    timer = setInterval(run, 30);
    ask();
  });
  box.addEventListener("keydown", (event) => {
    const scene = event.ctrlKey || event.metaKey || event.altKey ? undefined : model.get("scenes")[Number(event.key) - 1];
    if (scene) model.send({ kind: "scene", name: scene });
    if (scene) event.preventDefault();
    event.stopPropagation();
  });
  return () => {
    stop();
    context?.close();
    model.off("change:scene", changeScene);
  };
}

export default { render };
