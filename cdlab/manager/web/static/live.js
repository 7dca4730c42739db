// Live updates. The page works without this file: it only saves loading it again.
"use strict";

(() => {
  const live = document.getElementById("live");
  const news = document.getElementById("news");
  const QUIET_MS = 250; // a burst of changes is one update

  // cdlab dashboard --open hands the token over behind the #, which is never sent to a server.
  const token = document.getElementById("token");
  if (token && location.hash.length > 1) {
    token.value = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname + location.search);
    document.getElementById("user").focus();
  }

  // An update keeps open what was open.
  let open = [];
  document.addEventListener("htmx:beforeSwap", () => {
    open = [...document.querySelectorAll("details[open]")].map((each) => each.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  });

  // One menu at a time; Escape closes it and gives the focus back.
  document.addEventListener("click", (event) => {
    for (const each of document.querySelectorAll("details[open]")) {
      if (!each.contains(event.target)) each.removeAttribute("open");
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && event.target.closest("details[open]");
    if (menu) {
      menu.removeAttribute("open");
      menu.querySelector("summary").focus();
    }
  });

  if (!live || !window.EventSource) return;
  const say = (words, isLive) => {
    live.hidden = false;
    live.textContent = words;
    live.classList.toggle("on", isLive);
  };
  let waiting = null;
  let isFirst = true;
  const update = () => {
    waiting ??= setTimeout(() => {
      waiting = null;
      document.body.dispatchEvent(new Event("cdlab:change"));
    }, QUIET_MS);
  };
  const source = new EventSource("/api/v1/events?after=" + live.dataset.after);
  source.addEventListener("open", () => say("Live", true));
  source.addEventListener("error", () => say("Not live: no connection", false));
  source.addEventListener("change", () => {
    if (!isFirst) update();
    isFirst = false;
  });
  source.addEventListener("decision", (event) => {
    const told = JSON.parse(event.data);
    const where = told.workload + (told.environment ? " in " + told.environment : "");
    news.textContent = [told.what, where, told.status, told.reason].filter(Boolean).join(", ");
    if (!isFirst) update();
  });
  window.addEventListener("pagehide", () => source.close());
})();
