"use strict";

// Adds rows to a form's list. Without it, saving the form brings one more empty row.
for (const formset of document.querySelectorAll("[data-formset]")) {
  const total = formset.querySelector(`[name="${formset.dataset.formset}-TOTAL_FORMS"]`);
  const limit = formset.querySelector(`[name="${formset.dataset.formset}-MAX_NUM_FORMS"]`);
  const add = formset.querySelector(".dash-add");
  const rows = formset.querySelector(".dash-rows");
  const blank = formset.querySelector("template");
  if (!total || !add || !blank) continue;
  const show = () => { add.hidden = Number(total.value) >= Number(limit.value); };
  add.addEventListener("click", () => {
    const row = blank.content.cloneNode(true);
    for (const element of row.querySelectorAll("[name], [id], [for], [aria-describedby]")) {
      for (const attribute of ["name", "id", "for", "aria-describedby"]) {
        const value = element.getAttribute(attribute);
        if (value) element.setAttribute(attribute, value.replaceAll("__prefix__", total.value));
      }
    }
    rows.append(row);
    total.value = Number(total.value) + 1;
    rows.lastElementChild.querySelector("select, input:not([type=hidden])")?.focus();
    show();
  });
  show();
}

// Asks before a form that was filled in is left behind: by what it holds now and held when it was drawn.
for (const form of document.querySelectorAll("form.dash-form")) {
  const held = () => JSON.stringify([...new FormData(form)].map(([name, value]) => [name, value.name ?? value]));
  const drawn = held();
  // A form that was sent back holds what is not saved.
  const sentBack = form.querySelector("[role=alert], .errorlist") !== null;
  let meant = false;
  form.addEventListener("submit", () => { meant = true; });
  form.addEventListener("click", (event) => { if (event.target.closest(".form-actions a")) meant = true; });
  window.addEventListener("pageshow", () => { meant = false; });
  window.addEventListener("beforeunload", (event) => {
    if (!meant && (sentBack || held() !== drawn)) event.preventDefault();
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]")) return;
  const find = document.getElementById("find");
  if (!find) return;
  event.preventDefault();
  find.focus();
  find.select();
});
