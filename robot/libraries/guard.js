// The network guard: what the browser may ask of a portal, and when it may send.
//
// Deny by default. A request passes if the portal folder's profile allows it. The one request that
// sends a bill passes only while a permit for it is open, and spends it: a second one, whatever
// caused it, is answered 403 and counted. The check and the spending happen in one synchronous
// step of this one thread, so two simultaneous requests cannot share a permit.
//
// Answered with 403 (`fulfill`) and not aborted: after an abort a page dies silently.
'use strict';

const REFUSAL = {
  status: 403,
  contentType: 'text/html; charset=utf-8',
  body: '<!doctype html><title>Refused</title><h1>Refused by the bot’s network guard</h1>',
};
const LISTED = 50;
// Routing switches the browser's cache off; without one each page would ask for its looks again.
const LOOKS = new Set(['stylesheet', 'image', 'font']);
const LARGEST_LOOK = 1 << 20;
const MOST_LOOKS = 200;

let rules = null;
let permit = null;
let spent = 0;
let spentBefore = 0; // when the permit was opened
let crashed = false;
let guarded = null; // the context
let documents = new WeakMap(); // what each frame last asked for: {asked} until it came, then {ok}
const looks = new Map();
const refused = [];
let refusedCount = 0;

// When a renderer crashes while the browser still has to answer for one of its requests, Playwright
// (1.63, CRSession._onMessage) takes the late answer for a broken protocol and throws where nobody can
// catch it. That would end this process, and with it the bot run; but only the page is lost.
process.on('uncaughtException', error => {
  if (!String(error && error.stack).includes('CRSession._onMessage')) {
    console.error(error);
    process.exit(1);
  }
  crashed = true;
});

function compiled(rule) {
  return { ...rule, path: new RegExp(`^(?:${rule.path})$`) };
}

function formFields(request) {
  const url = new URL(request.url());
  const fields = [...url.searchParams];
  const body = request.postData();
  if (!body) return fields;
  const type = request.headers()['content-type'] || '';
  if (type.includes('json')) {
    try {
      return fields.concat(Object.entries(JSON.parse(body)).map(([name, value]) => [name, String(value)]));
    } catch {
      return null;
    }
  }
  if (type.includes('multipart/form-data')) {
    const part = /content-disposition: *form-data;[^\r\n]*?[; ]name="([^"\r\n]*)"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n([\s\S]*?)(?=\r\n--)/gi;
    return fields.concat([...body.matchAll(part)].map(match => [match[1], match[2]]));
  }
  if (type.includes('text/plain')) return null;
  return fields.concat([...new URLSearchParams(body)]);
}

// 'no', 'yes', or 'unreadable': it goes to the send address and nobody can tell what it does.
function isSend(request, url) {
  const send = rules.send;
  if (url.origin !== rules.origin || request.method() !== send.method) return 'no';
  if (!send.path.test(url.pathname)) return 'no';
  if (!send.formField) return 'yes';
  const fields = formFields(request);
  if (fields === null) return 'unreadable';
  const [name, value] = send.formField;
  return fields.some(([n, v]) => n === name && v === value) ? 'yes' : 'no';
}

// Every value a field has in this request; null where nobody can tell.
function valuesOf(request, name) {
  const fields = formFields(request);
  return fields && fields.filter(([n]) => n === name).map(([, value]) => value);
}

function isAbout(invoice, request, url) {
  const groups = rules.send.path.exec(url.pathname).groups || {};
  if (groups.invoice !== undefined && decodeURIComponent(groups.invoice) !== invoice) return false;
  if (!rules.send.invoiceField) return true;
  const values = valuesOf(request, rules.send.invoiceField);
  return values !== null && values.length === 1 && values[0].trim() === invoice;
}

function spend(request, url) {
  const open = permit;
  if (open === null) return false;
  if (Date.now() > open.deadline || performance.now() > open.expires) {
    permit = null;
    return false;
  }
  if (!isAbout(open.invoice, request, url)) return false;
  permit = null;
  spent += 1;
  return true;
}

function isNamed(request, formField) {
  if (!formField) return true;
  const values = valuesOf(request, formField[0]);
  return values !== null && values.length > 0 && values.every(value => formField[1].includes(value));
}

function isAllowed(request, url) {
  return rules.allowed.some(
    rule =>
      url.origin === (rule.origin || rules.origin) &&
      rule.method === request.method() &&
      rule.path.test(url.pathname) &&
      isNamed(request, rule.formField),
  );
}

function mayPass(request) {
  const url = new URL(request.url());
  if (url.protocol === 'data:' || url.protocol === 'blob:') return true;
  switch (isSend(request, url)) {
    case 'yes':
      return spend(request, url);
    case 'unreadable':
      return false;
    default:
      return isAllowed(request, url);
  }
}

function note(method, address) {
  refusedCount += 1;
  if (refused.length < LISTED) refused.push(`${method} ${address}`);
}

async function pass(route, request) {
  if (request.method() !== 'GET' || !LOOKS.has(request.resourceType())) return route.continue();
  const known = looks.get(request.url());
  if (known) return route.fulfill(known);
  const response = await route.fetch({ maxRedirects: 0 });
  const body = await response.body();
  const headers = Object.fromEntries(
    // The body comes unpacked and in one piece.
    Object.entries(response.headers()).filter(([name]) => !/^(content-(encoding|length)|transfer-encoding)$/.test(name)),
  );
  const fresh = !/no-store|no-cache|max-age=0/.test(headers['cache-control'] || '');
  const answer = { status: response.status(), headers, body };
  if (answer.status === 200 && fresh && body.length <= LARGEST_LOOK && looks.size < MOST_LOOKS) {
    looks.set(request.url(), answer);
  }
  return route.fulfill(answer);
}

function frameOf(request) {
  try {
    return request.frame();
  } catch {
    return null; // a new window's first request comes before its frame
  }
}

async function startGuard(context, profile) {
  rules = {
    origin: profile.origin,
    lateAfter: profile.lateAfter || Infinity,
    send: compiled(profile.send),
    allowed: profile.allowed.map(compiled),
  };
  permit = null;
  crashed = false;
  guarded = context;
  documents = new WeakMap();
  looks.clear();
  context.on('dialog', dialog => {
    const answer = profile.nativeDialogs === 'dismiss' ? dialog.dismiss() : dialog.accept();
    answer.catch(() => {});
  });
  const pageAsked = (event, then) => context.on(event, about => {
    const request = event === 'response' ? about.request() : about;
    const frame = request.isNavigationRequest() && frameOf(request);
    if (frame) then(frame, request, about);
  });
  pageAsked('request', (frame, request) => documents.set(frame, { request, asked: performance.now() }));
  pageAsked('response', (frame, request, response) => {
    const redirects = response.status() >= 300 && response.status() < 400;
    if (!redirects) documents.set(frame, { request, ok: response.status() < 500 });
  });
  pageAsked('requestfailed', (frame, request) => {
    const last = documents.get(frame);
    if (!last || last.request !== request) return; // it has asked for something else since
    const why = (request.failure() || {}).errorText || '';
    if (why.startsWith('net::') && why !== 'net::ERR_ABORTED') documents.set(frame, { request, ok: false });
    else if (last.ok === undefined) documents.delete(frame);
  });
  context.on('page', page => page.on('crash', () => { crashed = true; }));
  await context.routeWebSocket(/.*/, socket => {
    note('WEBSOCKET', new URL(socket.url()).pathname);
    socket.close();
  });
  await context.route('**/*', async route => {
    const request = route.request();
    try {
      if (mayPass(request)) return await pass(route, request);
      const { pathname } = new URL(request.url());
      if (pathname === '/favicon.ico') return await route.fulfill({ status: 204 });
      note(request.method(), pathname);
      return await route.fulfill(REFUSAL);
    } catch {
      return route.abort().catch(() => {}); // the page was closed meanwhile, or its looks are gone
    }
  });
  const browser = context.browser();
  return { browser: browser ? `${browser.browserType().name()} ${browser.version()}` : '' };
}
startGuard.rfdoc = 'Lets this browser context send only what the portal folder allows, and refuses the send request.';

function openPermit(invoice, milliseconds, deadline) {
  permit = { invoice, deadline, expires: performance.now() + milliseconds };
  spentBefore = spent;
}
openPermit.rfdoc = 'Lets exactly one send request pass, for this invoice, until the deadline.';

function closePermit() {
  permit = null;
  return { spent: spent > spentBefore };
}
closePermit.rfdoc = 'Closes the permit after the click; tells whether a send request passed.';

// Every frame now shown counts: a menu that came must not hide that the page beside it did not. What
// has not come yet counts once it is as late as makes a keyword give up.
function isAnswered() {
  if (!guarded) return true;
  const now = performance.now();
  const frames = guarded.pages().flatMap(page => page.frames());
  return frames.every(frame => {
    const last = documents.get(frame);
    if (!last) return true;
    return last.ok === undefined ? now - last.asked < rules.lateAfter : last.ok;
  });
}

function withdrawPermit(browser) {
  permit = null;
  return { connected: Boolean(browser && browser.isConnected()), crashed, answered: isAnswered(), ...guardReport() };
}
withdrawPermit.rfdoc = 'Closes the permit; tells how browser and portal are, and what was refused so far.';

function guardReport() {
  return { blocked: refusedCount, listed: refused.slice(), spent };
}
guardReport.rfdoc = 'Returns how many requests were refused, and the first of them by method and path.';

exports.__esModule = true;
exports.startGuard = startGuard;
exports.openPermit = openPermit;
exports.closePermit = closePermit;
exports.withdrawPermit = withdrawPermit;
exports.guardReport = guardReport;
