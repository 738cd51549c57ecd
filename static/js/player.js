// Reports watch time. One tag on any page that plays a channel's stream:
//
//   <script src="…/static/js/player.js" data-channel="42" data-token-url="/viewer/v1/token" defer></script>
//
// It counts while the page's <video> plays; a player that is not a <video> element of the page says so
// itself by dispatching "drops:play" and "drops:pause" on document. What becomes of the time is told to
// the page by "drops:counting" and "drops:paused" events on document, and what the viewer WebSocket says
// by "drops:news". docs/watch-time.md and docs/websocket.md have the rest.
"use strict";

(() => {
  const script = document.currentScript;
  // What is said for each reason that only the browser knows, unless the tag says it: data-offline="…".
  const WORDS = {
    signed_out: "You are signed out. Nothing counts until you sign in again.",
    offline: "You are offline. Counting goes on when the connection is back. At most the last two and a half minutes still count.",
    busy: "Your watch time cannot be reported at the moment. Trying again: nothing is lost so far.",
    silent: "Your watch time cannot be reported. Trying again, but only the last two and a half minutes can still count.",
    not_playing: "Play the video, and your watch time counts here.",
    ...script.dataset,
  };
  const channel = Number(script.dataset.channel);
  const server = new URL(script.src).origin;
  const tokenUrl = script.dataset.tokenUrl ?? `${server}/viewer/v1/token`;
  const beatUrl = `${server}/viewer/v1/beat`;
  const statusUrl = `${server}/viewer/v1/status?channel_id=${channel}`;
  // The viewer WebSocket, where the tag names it: it tells what changed within a second or two.
  const socketUrl = script.dataset.socket;

  const MINUTE = 60_000;
  // A beat makes up for at most this much silence.
  const SILENCE = 150_000;
  // After a silence of this length a beat makes up for nothing.
  const LONGEST_SILENCE = 3_600_000;
  // Timers run about once a minute in a tab in the background, and not at all while the computer sleeps.
  const TICK = 15_000;
  // Crediting takes about a second: a little later there is news.
  const NEWS_AFTER = 2_500;
  // With a socket: if it has said nothing by then, the page asks as it does without.
  const NEWS_AT_LAST = 6_000;
  // Which of several players of one viewer is speaking.
  const player = crypto.getRandomValues(new Uint32Array(1))[0] + 1;

  let playing = false; // something plays, and this tab is the one that reports it
  let release = null; // gives the turn to the next tab
  let timer = 0;
  let lastBeat = 0; // when the server last took a beat, by this clock
  let failures = 0;
  let lastTick = Date.now();
  let slept = false; // since the last beat
  let switching = false; // the viewer asked to count here, and no beat has said so yet
  let token = "";
  let tokenUntil = 0;
  let socket = null;
  let socketTimer = 0;
  let socketFailures = 0;
  let toldAt = 0; // when the socket last said something of this viewer's time

  function tell(name, detail) {
    document.dispatchEvent(new CustomEvent(`drops:${name}`, { detail }));
  }

  function paused(reason, text = WORDS[reason], more = {}) {
    tell("paused", { reason, text, ...more });
  }

  class Refused extends Error {
    constructor(status, text, seconds) {
      super(text);
      this.status = status;
      this.wait = seconds * 1000;
    }
  }

  async function call(url, options = {}) {
    const response = await fetch(url, { ...options, signal: AbortSignal.timeout(15_000) });
    const body = await response.json().catch(() => ({}));
    if (!response.ok) {
      throw new Refused(response.status, body.message ?? "", Number(response.headers.get("Retry-After")) || 0);
    }
    return body.data;
  }

  async function freshToken() {
    if (Date.now() < tokenUntil) return token;
    const data = await call(tokenUrl, { credentials: "same-origin", headers: { Accept: "application/json" } });
    token = data.token;
    // Renewed well before it expires, so that the goodbye of a page that is left always has a good one.
    tokenUntil = Date.now() + (data.expires_in ?? 300) * 500;
    return token;
  }

  // No cookie goes along, on our own pages neither: the answer is for any origin, and a browser refuses
  // such an answer to a call that sends cookies.
  function saying(event) {
    return {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, channel_id: channel, event, player }),
    };
  }

  async function send(event) {
    await freshToken();
    await call(beatUrl, saying(event));
    if (event === "switch") switching = false;
    lastBeat = Date.now();
    failures = 0;
    slept = false;
    setTimeout(newsUnlessTold, isOpen() ? NEWS_AT_LAST : NEWS_AFTER, lastBeat);
  }

  function newsUnlessTold(beatAt) {
    if (!isOpen() || toldAt < beatAt) news();
  }

  async function news() {
    try {
      const status = await call(statusUrl, {
        credentials: "omit",
        headers: { Authorization: `Bearer ${await freshToken()}` },
      });
      if (status.counting) tell("counting", status);
      else paused(status.reason, status.text, status);
    } catch {
      tell("reported", { at: lastBeat }); // the next beat asks again
    }
  }

  function isOpen() {
    return socket?.readyState === WebSocket.OPEN;
  }

  async function openSocket() {
    if (!socketUrl || socket) return;
    clearTimeout(socketTimer);
    try {
      await freshToken();
    } catch {
      return openSocketLater();
    }
    if (socket) return;
    const opened = new WebSocket(`${socketUrl}/viewer/v1/connect?token=${token}`);
    let sent = token; // the socket ends with its token, so it gets each new one
    const renewal = setInterval(async () => {
      await freshToken().catch(() => {});
      if (token === sent || opened.readyState !== WebSocket.OPEN) return;
      sent = token;
      opened.send(JSON.stringify({ type: "token", data: { token } }));
    }, MINUTE);
    socket = opened;
    opened.addEventListener("open", () => {
      socketFailures = 0;
      opened.send(JSON.stringify({ type: "channel_follow", data: { message: { channelId: channel } } }));
      tell("socket", { open: true });
    });
    opened.addEventListener("message", ({ data }) => hear(JSON.parse(data)));
    opened.addEventListener("close", () => {
      clearInterval(renewal);
      if (socket !== opened) return;
      socket = null;
      tell("socket", { open: false });
      openSocketLater();
    });
  }

  function openSocketLater() {
    socketFailures += 1;
    const wait = Math.min(2 ** socketFailures * 1000, MINUTE / 2) * (1 + Math.random());
    clearTimeout(socketTimer);
    socketTimer = setTimeout(openSocket, wait);
  }

  function closeSocket() {
    clearTimeout(socketTimer);
    const open = socket;
    socket = null;
    open?.close();
  }

  function hear({ type, data }) {
    if (type === "status" && data.channel_id === channel) {
      toldAt = Date.now();
      news();
    }
    if (type === "progress") toldAt = Date.now();
    tell("news", { type, data });
  }

  // After a silence in which the video played on, a beat makes up for a part of it. The first beat after
  // sleep begins anew: the time of a computer that slept is nobody's.
  function nextEvent() {
    if (switching) return "switch";
    tick();
    return slept || Date.now() - lastBeat > LONGEST_SILENCE ? "start" : "watch";
  }

  function tick() {
    if (Date.now() - lastTick > SILENCE) slept = true;
    lastTick = Date.now();
  }

  async function beat() {
    clearTimeout(timer);
    if (!playing) return;
    let wait = MINUTE;
    try {
      await send(nextEvent());
    } catch (error) {
      wait = afterFailure(error);
    }
    if (playing && wait) timer = setTimeout(beat, wait);
  }

  // How long to wait before the next try; 0: there is no point in one.
  function afterFailure(error) {
    if (error.status === 401 || error.status === 403) {
      tokenUntil = 0;
      failures += 1;
      if (failures < 3) return 1000;
      paused("signed_out");
      return MINUTE;
    }
    if (error.status === 404 || error.status === 400) {
      paused("refused", error.message);
      return 0;
    }
    failures += 1;
    sayWhyNot();
    // With some chance in it, so that players do not all come back at once.
    const backOff = Math.min(2 ** failures * 1000, MINUTE / 2);
    return Math.max(error.wait ?? 0, backOff) * (1 + Math.random() / 4);
  }

  function sayWhyNot() {
    if (!navigator.onLine) {
      paused("offline");
    } else if (!lastBeat || Date.now() - lastBeat <= SILENCE) {
      paused("busy");
    } else {
      paused("silent");
    }
  }

  function goodbye() {
    if (!playing || !token || Date.now() - lastBeat > SILENCE) return;
    // It outlives the page, as sendBeacon would, which cannot leave cookies out.
    fetch(beatUrl, { ...saying("goodbye"), keepalive: true }).catch(() => {});
    lastBeat = 0;
  }

  // Of several tabs with one channel, one reports; the next goes on when it is closed.
  function begin() {
    if (playing || release) return;
    release = () => {};
    const report = () =>
      new Promise((resolve) => {
        if (!release) return resolve();
        release = resolve;
        playing = true;
        lastBeat = 0;
        beat();
      });
    if (navigator.locks) navigator.locks.request(`drops-watch-${channel}`, report);
    else report();
  }

  function end() {
    if (playing) goodbye();
    playing = false;
    clearTimeout(timer);
    release?.();
    release = null;
  }

  function countHere() {
    switching = true;
    if (playing) beat();
    else paused("not_playing");
  }

  function isPlaying(video) {
    return !video.paused && !video.ended && video.readyState > 2;
  }

  function look() {
    const videos = [...document.querySelectorAll("video")];
    if (videos.some(isPlaying)) begin();
    else if (videos.length) end();
  }

  for (const name of ["playing", "pause", "ended", "emptied"]) {
    document.addEventListener(name, look, true); // media events do not bubble
  }
  document.addEventListener("drops:play", begin);
  document.addEventListener("drops:pause", end);
  document.addEventListener("drops:count-here", countHere);
  addEventListener("pagehide", () => {
    end();
    closeSocket(); // a page with an open socket is not kept for when the viewer comes back
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    look();
    openSocket();
  });
  // A tab that slept or was offline reports at once when it is back.
  document.addEventListener("visibilitychange", () => {
    if (playing && document.visibilityState === "visible" && Date.now() - lastBeat > MINUTE) beat();
  });
  addEventListener("online", () => playing && beat());
  addEventListener("offline", () => playing && sayWhyNot());
  setInterval(tick, TICK);
  script.dataset.ready = "true"; // for whoever watches that this script was not blocked
  look();
  openSocket();
})();
