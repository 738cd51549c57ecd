// The watch page: what the player reports becomes what "Your drops here" says.
"use strict";

(() => {
  const panel = document.getElementById("drops-here");
  const said = document.getElementById("drops-said");
  const words = document.currentScript.dataset;

  function status() {
    return document.getElementById("drops-status");
  }

  function say(text) {
    const notice = status();
    if (!notice) return; // the stream has ended: nothing is watched here
    notice.className = "notice is-wait";
    notice.querySelector("strong").textContent = words.paused;
    notice.querySelector("span").textContent = text;
    tellChange();
  }

  // What only this browser knows stands until the player counts again or the server has an answer to it: the panel
  // may be drawn anew at any moment, as when another channel earns.
  let own = "";

  function sayOwn(text) {
    own = text;
    say(text);
  }

  function refresh() {
    window.htmx.trigger(panel, "refresh");
  }

  // What the viewer WebSocket says. Without it the page asks every few seconds, as the panel itself says.
  const ASK_ANYWAY = 60_000;
  let isTold = false;
  let askedAt = 0;
  let refreshing = 0;

  function refreshWithin(seconds) {
    clearTimeout(refreshing);
    refreshing = setTimeout(refresh, 100 + Math.random() * seconds * 1000);
  }

  document.addEventListener("drops:socket", ({ detail }) => { isTold = detail.open; });
  document.addEventListener("drops:news", ({ detail: { type, data } }) => {
    if (["progress", "reward", "claim"].includes(type)) refreshWithin(0);
    // All pages of a channel hear it at once: they come for more over some seconds.
    const seen = document.getElementById("drops-pulse")?.dataset.pulse;
    if (type === "channel" && data.pulse !== seen) refreshWithin(data.within);
  });
  panel.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.id !== "drops-pulse") return;
    if (isTold && Date.now() - askedAt < ASK_ANYWAY) event.preventDefault();
    else askedAt = Date.now();
  });

  // Screen readers hear what changed, and not the same sentence every minute.
  let toldStatus = status()?.textContent.trim();
  let reached = reachedNow();

  function reachedNow() {
    const rewards = [...panel.querySelectorAll(".is-earned, .is-claimed")];
    return new Map(rewards.map((reward) => [reward.id, reward]));
  }

  function tellChange() {
    const now = status()?.textContent.trim();
    if (now && now !== toldStatus) said.textContent = now;
    toldStatus = now;
  }

  function tellReached() {
    const now = reachedNow();
    for (const [id, reward] of now) {
      if (reached.has(id)) continue;
      said.textContent = `${words.reached} ${reward.dataset.reward}`;
      announce(said.textContent, "good", reward);
      if (document.hidden) document.title = said.textContent; // until the tab is looked at
    }
    reached = now;
  }

  const { title } = document;
  document.addEventListener("visibilitychange", () => { document.title = title; });

  function hearServer() {
    own = "";
    refresh();
  }

  document.addEventListener("drops:counting", hearServer);
  document.addEventListener("drops:reported", hearServer);
  document.addEventListener("drops:paused", ({ detail }) => {
    // With campaigns it is the server's answer, else something that only this browser knows. Of an ended
    // session the server says it best.
    if (detail.campaigns || detail.reason === "signed_out") hearServer();
    else sayOwn(detail.text);
  });
  const video = document.querySelector(".player video");
  video?.addEventListener("pause", () => sayOwn(words.video));
  video?.addEventListener("play", () => { own = ""; });
  // A browser pauses what plays by its autoplay attribute when it is scrolled away, and counting with it.
  video?.play().catch(() => {}); // where it may not begin by itself, the player says to play it
  panel.addEventListener("click", (event) => {
    if (event.target.closest("[data-count-here]")) document.dispatchEvent(new Event("drops:count-here"));
  });

  panel.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target !== panel) return;
    if (own) say(own);
    tellChange();
    tellReached();
    if (document.getElementById("drops-sign-in") || !document.querySelector(".player video")) {
      document.dispatchEvent(new Event("drops:pause"));
    }
    // The stream had ended and is back: the page begins anew with it.
    if (!document.querySelector(".player video") && status()) location.reload();
  });
  for (const failed of ["htmx:sendError", "htmx:responseError"]) {
    panel.addEventListener(failed, (event) => {
      if (event.detail.requestConfig.verb !== "get") return; // a claim, which site.js speaks of
      event.stopPropagation(); // the notice says it: no toast every minute
      if (event.detail.elt === panel) say(words.unknown);
    });
  }

  const player = document.querySelector("script[data-channel]");
  if (!player?.dataset.ready) say(words.blocked);
})();
