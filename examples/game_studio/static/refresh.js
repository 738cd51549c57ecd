// Looks for new rewards every five seconds while the page is seen. Without this script a reload does the same.
setInterval(async () => {
  if (document.hidden) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer || !answer.ok) return; // the studio is away for a moment: keep what is shown
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("rewards");
  const shown = document.getElementById("rewards");
  if (fresh && fresh.innerHTML !== shown.innerHTML) shown.replaceChildren(...fresh.childNodes);
}, 5000);
