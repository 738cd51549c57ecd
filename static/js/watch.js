// The watch page: what the player reports becomes what "Your drops here" says.
"use strict";

(() => {
  const panel = document.getElementById("drops-here");

  function say(text) {
    const notice = document.getElementById("drops-status");
    if (!notice) return; // the stream has ended: nothing is watched here
    notice.className = "notice is-wait";
    notice.querySelector("strong").textContent = "Paused.";
    notice.querySelector("span").textContent = text;
  }

  function refresh() {
    window.htmx.trigger(panel, "refresh");
  }

  document.addEventListener("drops:counting", refresh);
  document.addEventListener("drops:paused", ({ detail }) => {
    // With campaigns it is the server's answer, else something that only this browser knows.
    if (detail.campaigns) refresh();
    else say(detail.text);
  });
  document.querySelector(".player video").addEventListener("pause", () => {
    say("The video is paused. Play it to go on counting.");
  });
  panel.addEventListener("click", (event) => {
    if (event.target.closest("[data-count-here]")) document.dispatchEvent(new Event("drops:count-here"));
  });
})();
