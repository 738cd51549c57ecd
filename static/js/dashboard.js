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
    for (const button of row.querySelectorAll("[name=move]")) button.value = button.value.replace("__prefix__", total.value);
    rows.append(row);
    total.value = Number(total.value) + 1;
    formset.dispatchEvent(new Event("drops:row"));
    rows.lastElementChild.querySelector("select, input:not([type=hidden])")?.focus();
    show();
  });
  show();
}

// Rows with an order: moved by their buttons, or dragged. Without it, the buttons ask the server, and numbers say the order.
for (const formset of document.querySelectorAll("[data-ordered]")) {
  const list = formset.querySelector(".dash-rows");
  const said = formset.querySelector("[data-order-said]");
  const rows = () => [...list.children];
  const isFilledIn = (row) => Boolean(row.querySelector("select")?.value);
  const number = () => {
    let place = 0;
    for (const row of rows()) {
      const field = row.querySelector("[name$='-position']");
      if (!isFilledIn(row) && !field.value) continue;
      place += 1;
      if (field.value !== String(place)) field.value = place;
    }
  };
  const moved = (row) => {
    number();
    said.textContent = `${formset.dataset.ordered} ${rows().indexOf(row) + 1}`;
  };
  const prepare = () => {
    for (const row of rows()) {
      row.draggable = true;
      row.querySelector(".dash-place").hidden = !row.querySelector(".dash-place .errorlist");
    }
  };
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[name=move]");
    if (!button) return;
    event.preventDefault();
    const row = button.closest(".dash-row");
    const up = button.value.endsWith(":up");
    const beside = up ? row.previousElementSibling : row.nextElementSibling;
    if (!beside) return;
    if (up) beside.before(row); else beside.after(row);
    button.focus();
    moved(row);
  });
  let dragged = null;
  // A text that is marked is dragged as a text.
  list.addEventListener("dragstart", (event) => {
    if (event.target.matches?.(".dash-row")) dragged = event.target;
    else return;
    event.dataTransfer.effectAllowed = "move";
    dragged.classList.add("is-dragged");
  });
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest(".dash-row");
    if (!dragged || !over) return;
    event.preventDefault();
    if (over === dragged) return;
    const { top, height } = over.getBoundingClientRect();
    if (event.clientY < top + height / 2) over.before(dragged); else over.after(dragged);
  });
  list.addEventListener("drop", (event) => { if (dragged) event.preventDefault(); });
  list.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("is-dragged");
    moved(dragged);
    dragged = null;
  });
  list.addEventListener("change", (event) => {
    const select = event.target.closest("select");
    const image = select?.closest(".dash-row").querySelector(".reward-image");
    if (!image) return;
    const url = select.selectedOptions[0]?.dataset.image;
    image.hidden = !url;
    if (url) image.src = url; else image.removeAttribute("src");
  });
  formset.addEventListener("drops:row", prepare);
  prepare();
}

// A channel that was picked is added to the list. Without it, saving the form does that.
for (const button of document.querySelectorAll("[data-add-channel]")) {
  const field = document.querySelector("[data-adds-to]");
  const list = document.getElementById(field.dataset.addsTo);
  const add = () => {
    const name = field.value.trim();
    if (!name) return;
    list.value = `${list.value.trimEnd()}\n${name}`.trimStart();
    list.scrollTop = list.scrollHeight;
    field.value = "";
    field.focus();
  };
  button.hidden = false;
  button.addEventListener("click", add);
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !field.value.trim()) return;
    event.preventDefault();
    add();
  });
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
