// Adds rows to a form's list. Without it, saving the form brings one more empty row.
"use strict";

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
