// The desk works without this file. It keeps the open page up to date, fills in usual periods
// without a round trip, and tells the server the reader's time zone.
"use strict";

const source = document.querySelector("[data-live-from]");
const EVERY = source && Number(source.dataset.liveEvery) || 2500;  // milliseconds between two looks
const LONGEST = 30000;     // while the server does not answer

// -- live parts
function parts(root) {
  return Array.from(root.querySelectorAll("[data-live]"));
}

function busy(part) {
  if (!("liveIfIdle" in part.dataset)) return false;
  if (part.contains(document.activeElement) && document.activeElement.matches("input, select, button, summary")) return true;
  if (part.querySelector("[aria-invalid], [role=alert]")) return true;
  return Array.from(part.querySelectorAll("input:not([type=hidden])")).some((field) => field.value !== field.defaultValue);
}

function put(part, fresh) {
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  const open = Array.from(part.querySelectorAll("details[open]"), (one) => one.id);
  const before = {};
  part.querySelectorAll("[data-row]").forEach((row) => { before[row.dataset.row] = row.dataset.says; });
  part.replaceChildren(...fresh.childNodes);
  open.forEach((id) => { const one = document.getElementById(id); if (one) one.open = true; });
  if (focused && document.getElementById(focused)) document.getElementById(focused).focus({ preventScroll: true });
  const said = [];
  part.querySelectorAll("[data-row]").forEach((row) => {
    if (before[row.dataset.row] && before[row.dataset.row] !== row.dataset.says) {
      row.classList.add("changed");
      said.push("Request " + row.dataset.row + ": " + row.dataset.says + ".");
    }
  });
  return said;
}

let tag = "";
let wait = EVERY;
let timer = 0;
let looking = false;

function word(text, state) {
  const place = document.querySelector("[data-live-word]");
  if (!place) return;
  if (place.textContent !== text) place.textContent = text;
  place.dataset.state = state;
}

async function refresh(anew) {
  if (!source) return;
  if (looking || (document.hidden && !anew)) return;
  looking = true;
  clearTimeout(timer);
  try {
    const headers = { "X-Live": "1" };
    if (tag && !anew) headers["If-None-Match"] = tag;
    const answer = await fetch(source.dataset.liveFrom, { headers, cache: "no-store", credentials: "same-origin" });
    if (answer.status === 401) {
      word("You are signed out. Reload the page to sign in again.", "lost");
      return;
    }
    if (answer.status !== 304 && !answer.ok) throw new Error(String(answer.status));
    let said = [];
    if (answer.status === 200) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      let all = true;
      parts(page).forEach((fresh) => {
        const part = document.getElementById(fresh.id);
        if (!part || part.innerHTML === fresh.innerHTML) return;
        if (busy(part)) { all = false; return; }
        said = said.concat(put(part, fresh));
      });
      tag = all ? answer.headers.get("ETag") || "" : "";
    }
    wait = EVERY;
    if (said.length) word(said.join(" "), "live");
    else if (document.querySelector("[data-live-word]").dataset.state !== "live") word("This page keeps itself up to date.", "live");
  } catch (error) {
    wait = Math.min(wait * 2, LONGEST);
    word("No answer from the server. What you see may be old; trying again.", "lost");
  } finally {
    looking = false;
  }
  timer = setTimeout(refresh, wait);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
if (source) {
  word("This page keeps itself up to date.", "live");
  timer = setTimeout(refresh, EVERY);
}

// -- what needs a look first gets the focus, also where the browser has other plans
{
  const first = document.querySelector("[autofocus]");
  if (first) first.focus();
}

// -- forms: usual periods, the recipient that a bank allows, one press is enough
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=shortcut]");
  if (!button) return;
  event.preventDefault();
  const form = button.form;
  form.elements.period_from.value = button.dataset.from;
  form.elements.period_to.value = button.dataset.to;
});

document.addEventListener("change", (event) => {
  const select = event.target.closest("select#portal");
  const recipient = document.querySelector(".recipient");
  if (!select || !recipient) return;
  recipient.dataset.policy = select.selectedOptions[0].dataset.policy || "";
  const hint = document.getElementById("account-hint");
  if (hint) hint.textContent = select.selectedOptions[0].textContent + ", such as " + select.selectedOptions[0].dataset.example;
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!("once" in form.dataset)) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "yes";
  const button = form.querySelector("[data-busy]");
  if (button && (!event.submitter || event.submitter.name !== "shortcut")) {
    button.dataset.idle = button.textContent;
    button.textContent = button.dataset.busy;
  }
});

// Coming back to a page that the browser kept: its form may be used again.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    const button = form.querySelector("[data-idle]");
    if (button) button.textContent = button.dataset.idle;
  });
  refresh(true);
});

// A message that was for once does not come back with a reload.
document.querySelectorAll("[data-passing]").forEach((notice) => {
  const url = new URL(location.href);
  if (!url.searchParams.has(notice.dataset.passing)) return;
  url.searchParams.delete(notice.dataset.passing);
  history.replaceState(null, "", url);
});

// -- the reader's time zone, as a cookie that only the desk reads
{
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  const path = new URL(document.currentScript.src).pathname.replace(/static\/[^/]*$/, "");
  const cookie = "billcopy_zone=" + zone;
  if (zone && !document.cookie.split("; ").includes(cookie)) {
    document.cookie = cookie + "; path=" + path + "; SameSite=Lax; max-age=31536000";
    refresh(true);
  }
}
