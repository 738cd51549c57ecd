// Small behaviours of every page. Nothing depends on them.
"use strict";

const words = document.currentScript.dataset;

// `about`: the part of the page that the text speaks of. The toast does not lie over it.
function announce(text, tone = "info", about = null) {
  const toast = document.createElement("div");
  const line = document.createElement("p");
  line.textContent = text;
  toast.className = `toast is-${tone}`;
  toast.append(line);
  document.getElementById("toasts")?.append(toast);
  prepareToast(toast);
  spokenOf = about;
  placeToasts();
}

let spokenOf = null;

function placeToasts() {
  const toasts = document.getElementById("toasts");
  toasts?.classList.remove("is-above");
  if (!toasts?.childElementCount || !spokenOf?.isConnected) return;
  const [covering, covered] = [toasts, spokenOf].map((element) => element.getBoundingClientRect());
  const apart = covering.right < covered.left || covered.right < covering.left;
  toasts.classList.toggle("is-above", !apart && covering.top < covered.bottom && covered.top < covering.bottom);
}

addEventListener("scroll", placeToasts, { passive: true });

function prepareToast(toast) {
  const close = document.createElement("button");
  close.type = "button";
  close.className = "toast-close";
  close.textContent = "✕";
  close.setAttribute("aria-label", words.dismiss);
  close.addEventListener("click", () => toast.remove());
  toast.append(close);
  // What went wrong stays until it is dismissed.
  if (!toast.matches(".is-bad, .is-wait")) setTimeout(() => toast.remove(), 8000);
}

function showTheme() {
  const chosen = document.documentElement.dataset.theme;
  const theme = chosen === "light" || chosen === "dark" ? chosen : "system";
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === theme));
  }
}

function chooseTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Storage is closed to us: the choice holds for this page.
  }
  showTheme();
}

const sameDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const otherDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const otherYear = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function localTimes(within) {
  for (const time of within.querySelectorAll("time[data-local]")) {
    const when = new Date(time.dateTime);
    if (Number.isNaN(when.valueOf())) continue;
    const now = new Date();
    const today = when.toDateString() === now.toDateString();
    const thisYear = when.getFullYear() === now.getFullYear();
    time.textContent = (today ? sameDay : thisYear ? otherDay : otherYear).format(when);
    time.title = full.format(when);
  }
}

// How long it is until then, in the units that the server would use.
const distance = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "always" });

function countDown(within) {
  for (const time of within.querySelectorAll("time[data-countdown]")) {
    const when = new Date(time.dateTime);
    time.title = full.format(when);
    const minutes = Math.floor((when - Date.now()) / 60_000);
    if (!(minutes > 0)) continue; // the last minute, and what comes after it, is the server's to say
    const [count, unit] =
      minutes >= 2880 ? [Math.floor(minutes / 1440), "day"]
      : minutes >= 120 ? [Math.floor(minutes / 60), "hour"]
      : [minutes, "minute"];
    const words = distance.format(count, unit);
    if (time.textContent !== words) time.textContent = words;
  }
}

setInterval(() => countDown(document), 15_000);

document.addEventListener("click", async (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const target = event.target.closest("[data-dialog], [data-copy], [data-theme-choice]");
  if (!target) return;
  if (target.dataset.dialog) {
    event.preventDefault();
    document.getElementById(target.dataset.dialog)?.showModal();
  } else if (target.dataset.copy) {
    const text = document.getElementById(target.dataset.copy)?.textContent.trim() ?? "";
    try {
      await navigator.clipboard.writeText(text);
      announce(words.copied, "good");
    } catch {
      announce(words.not_copied, "wait");
    }
  } else {
    chooseTheme(target.dataset.themeChoice);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("htmx:afterSwap", () => {
  localTimes(document);
  countDown(document);
});

// A live update waits while something is pressed: what is moved away before it is released gets no click.
let pressing = false;
const waiting = new Map();
addEventListener("pointerdown", (event) => { pressing = event.button === 0; }, true);
for (const end of ["pointerup", "pointercancel"]) {
  addEventListener(end, () => {
    pressing = false;
    for (const [source, path] of waiting) setTimeout(() => window.htmx.ajax("GET", path, { source }));
    waiting.clear();
  }, true);
}

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (!pressing || detail.requestConfig.verb !== "get") return;
  detail.shouldSwap = false;
  waiting.set(detail.elt, detail.requestConfig.path);
});

// What an answer wants said, of the part of the page that it gave the focus to.
document.addEventListener("drops:said", ({ detail }) => announce(detail.text, "good", document.activeElement));
document.addEventListener("htmx:sendError", () => announce(words.offline, "bad"));
document.addEventListener("htmx:responseError", () => announce(words.failed, "bad"));

// On a phone these are wider than the screen: begin at the page one is on.
for (const here of document.querySelectorAll(".side-nav [aria-current], .tabs [aria-current]")) {
  here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.clientWidth / 2 + here.offsetWidth / 2;
}

// Days that the server puts together are then this person's days.
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (timeZone) document.cookie = `timezone=${timeZone}; path=/; max-age=31536000; samesite=lax`;

localTimes(document);
countDown(document);
showTheme();
document.querySelectorAll(".toast").forEach(prepareToast);
