"use strict";

// Lets a person choose the square that is kept of a picture, before it is sent. The server cuts it; without this
// script it takes the middle. A canvas, since the Content-Security-Policy allows no address of a local file.
for (const area of document.querySelectorAll("[data-crop]:not([data-ready])")) {
  area.dataset.ready = "";
  const field = area.parentElement;
  const file = field.querySelector("input[type=file]");
  const square = field.querySelector("input[type=hidden][name$='-square']");
  const [whole, kept] = area.querySelectorAll("canvas");
  const [left, top, side] = ["left", "top", "side"].map((name) => area.querySelector(`[data-crop-${name}]`));
  // As in accounts/domain/images.py: what the server decodes to at most, and the least that it keeps.
  const [largest, least] = [1600, 256];
  let picture = null;

  // The square in pixels of the picture.
  const place = () => {
    const length = Math.min(picture.width, picture.height) * side.value / 100;
    return {
      x: (picture.width - length) * left.value / 100,
      y: (picture.height - length) * top.value / 100,
      length,
    };
  };

  const draw = () => {
    const { x, y, length } = place();
    const scale = whole.width / picture.width;
    const on = whole.getContext("2d");
    on.clearRect(0, 0, whole.width, whole.height);
    on.drawImage(picture, 0, 0, whole.width, whole.height);
    on.fillStyle = "rgb(0 0 0 / 60%)";
    on.beginPath();
    on.rect(0, 0, whole.width, whole.height);
    on.rect(x * scale, y * scale, length * scale, length * scale);
    on.fill("evenodd");
    on.strokeStyle = "white";
    on.lineWidth = 2;
    on.strokeRect(x * scale + 1, y * scale + 1, length * scale - 2, length * scale - 2);
    const preview = kept.getContext("2d");
    preview.clearRect(0, 0, kept.width, kept.height);
    preview.drawImage(picture, x, y, length, length, 0, 0, kept.width, kept.height);
    left.disabled = picture.width - length < 1;
    top.disabled = picture.height - length < 1;
    square.value = [left, top, side].map((range) => Math.round(range.value * 100)).join(",");
  };

  const open = async () => {
    const chosen = file.files[0];
    square.value = "";
    area.hidden = true;
    picture?.close();
    picture = null;
    if (!chosen) return;
    let read;
    try {
      read = await createImageBitmap(chosen);
    } catch {
      return; // what is no picture: the server says so
    }
    if (file.files[0] !== chosen) return;
    picture = read;
    const scale = Math.min(1, 480 / picture.width, 320 / picture.height);
    whole.width = Math.max(1, Math.round(picture.width * scale));
    whole.height = Math.max(1, Math.round(picture.height * scale));
    const decoded = Math.min(picture.width, picture.height) * Math.min(1, largest / Math.max(picture.width, picture.height));
    side.min = Math.min(100, Math.ceil(1000 * least / decoded) / 10);
    side.disabled = side.min >= 100;
    [left.value, top.value, side.value] = [50, 50, 100];
    area.hidden = false;
    draw();
  };

  // Moves the square by so many pixels of the canvas.
  const move = (dx, dy) => {
    const { x, y, length } = place();
    const scale = picture.width / whole.getBoundingClientRect().width;
    const part = (from, by, room) => room < 1 ? 50 : Math.min(100, Math.max(0, 100 * (from + by * scale) / room));
    left.value = part(x, dx, picture.width - length);
    top.value = part(y, dy, picture.height - length);
    draw();
  };

  let at = null;
  whole.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    whole.setPointerCapture(event.pointerId);
    at = event;
  });
  whole.addEventListener("pointermove", (event) => {
    if (!at || !whole.hasPointerCapture(event.pointerId)) return;
    move(event.clientX - at.clientX, event.clientY - at.clientY);
    at = event;
  });
  for (const range of [left, top, side]) range.addEventListener("input", draw);
  file.addEventListener("change", open);
  if (file.files.length) open();
}
