// Runs before the first paint: the theme that was chosen here, if one was.
const root = document.documentElement;
root.classList.add("has-script");
try {
  const theme = localStorage.getItem("theme");
  if (theme) root.dataset.theme = theme;
} catch {
  // Storage is closed to us: the system's theme it is.
}
