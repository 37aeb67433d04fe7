// Reading many values of a page in one round trip. Portal folders use it through `Read Rows` and
// `Read Fields`; it runs no code of theirs.
'use strict';

function locate(page, selector) {
  const steps = selector.split('>>>').map(step => step.trim());
  const last = steps.pop();
  return steps.reduce((scope, frame) => scope.frameLocator(frame), page).locator(last);
}

// A heading can be there before the rest of its page: a list read then would look complete.
async function wholePage(page) {
  await Promise.all(page.frames().map(frame => frame.waitForLoadState('domcontentloaded')));
}

// Runs inside the page, so it brings all it needs. A column is a CSS selector below the row ('' is
// the row itself), with `@name` for an attribute's value instead of what is shown.
function readElements(elements, columns) {
  const tidy = text => (text || '').replace(/\s+/g, ' ').trim();
  const shown = element => {
    if (!element || element.type === 'password') return '';
    if (element.tagName === 'SELECT') {
      return tidy([...element.selectedOptions].map(option => option.textContent).join(' '));
    }
    if (element.tagName === 'INPUT' || element.tagName === 'TEXTAREA') return tidy(element.value);
    return tidy(element.innerText);
  };
  return elements.map(element =>
    Object.fromEntries(
      Object.entries(columns).map(([name, column]) => {
        const [css, attribute] = column.split('@').map(part => part.trim());
        const cell = css ? element.querySelector(css) : element;
        return [name, attribute && cell ? cell.getAttribute(attribute) || '' : shown(cell)];
      }),
    ),
  );
}

async function rowsOfPage(page, rows, columns) {
  await wholePage(page);
  return locate(page, rows).evaluateAll(readElements, columns);
}
rowsOfPage.rfdoc = 'Returns one dictionary per element that `rows` finds.';

async function fieldsOfPage(page, fields) {
  await wholePage(page);
  const several = [];
  const values = await Promise.all(
    Object.entries(fields).map(async ([name, selector]) => {
      const found = await locate(page, selector).evaluateAll(readElements, { value: '' });
      if (found.length > 1) several.push(name);
      return [name, found.length === 1 ? found[0].value : null];
    }),
  );
  return { values: Object.fromEntries(values), several };
}
fieldsOfPage.rfdoc = 'Returns a dictionary of what the page shows in each field; missing ones are null.';

async function textOfPage(page, selector) {
  const text = await locate(page, selector).innerText();
  await wholePage(page);
  return { text: text.replace(/\s+/g, ' ').trim() };
}
textOfPage.rfdoc = 'Returns the text of the one element that `selector` finds, as soon as it is there.';

// A page whose own script never ends answers no question; whoever asks goes on without.
function within(milliseconds, asked) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error('the page does not answer')), milliseconds);
  });
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

// Frames have coordinates of their own, so only there each element is asked for its box.
async function boxes(page, show) {
  const found = await Promise.all(
    show.map(async selector => {
      if (selector.includes('>>>')) {
        const elements = await locate(page, selector).all();
        return Promise.all(elements.slice(0, 50).map(element => element.boundingBox({ timeout: 500 })));
      }
      return page.locator(selector).evaluateAll(elements =>
        elements.slice(0, 50).map(element => {
          const { x, y, width, height } = element.getBoundingClientRect();
          return { x, y, width, height };
        }),
      );
    }),
  );
  return found.flat().filter(box => box && box.width && box.height);
}

// The picture leaves the browser uncovered and is covered in memory before it is kept anywhere;
// if the page moved between measuring and picture, nothing of it may be shown.
async function pictureOfPage(page, show) {
  const before = await within(3000, boxes(page, show));
  const picture = await page.screenshot({ type: 'jpeg', quality: 70, timeout: 3000, animations: 'disabled' });
  const after = await within(3000, boxes(page, show));
  const still = JSON.stringify(before) === JSON.stringify(after);
  return { jpeg: picture.toString('base64'), boxes: still ? after : [] };
}
pictureOfPage.rfdoc = 'Returns a picture of the page and the boxes that may stay visible in it.';

// Runs inside the page. Roles and names of what can be used, and of what heads a page: enough to see
// what a locator should have been. What may be shown of it is decided where the request is known.
function controlsOf(root, most) {
  const tidy = text => (text || '').replace(/\s+/g, ' ').trim().slice(0, 120);
  const roles = { A: 'link', BUTTON: 'button', SELECT: 'combobox', TEXTAREA: 'textbox', SUMMARY: 'button' };
  const inputs = { submit: 'button', button: 'button', reset: 'button', image: 'button', checkbox: 'checkbox', radio: 'radio' };
  const roleOf = element => {
    if (element.hasAttribute('role')) return element.getAttribute('role');
    if (element.tagName === 'INPUT') return inputs[element.type] || 'textbox';
    return roles[element.tagName] || element.tagName.toLowerCase();
  };
  const nameOf = (element, role) => {
    const spoken = element.getAttribute('aria-label');
    if (spoken) return spoken;
    const by = (element.getAttribute('aria-labelledby') || '').split(/\s+/).filter(Boolean);
    if (by.length) return by.map(id => (document.getElementById(id) || {}).textContent || '').join(' ');
    if (element.labels && element.labels.length) return element.labels[0].textContent;
    if (element.tagName === 'INPUT' && role === 'button') return element.value || element.alt || element.title;
    if (['INPUT', 'SELECT', 'TEXTAREA'].includes(element.tagName)) return element.placeholder || element.title;
    return element.innerText || element.title;
  };
  const inRow = element => {
    const row = element.closest('tr, li, [role=row], [role=listitem], [role=option]');
    if (!row || element.closest('nav, menu, [role=navigation], [role=menu], [role=toolbar], [role=tablist]')) return false;
    const like = [...row.parentElement.children].filter(one => one.tagName === row.tagName && one.querySelector(element.tagName));
    return like.length > 1 || element.tagName === 'A' || roleOf(element) === 'link';
  };
  const usable = 'a[href], a[onclick], button, input:not([type=hidden]), select, textarea, summary, ' +
    '[role=button], [role=link], [role=tab], [role=menuitem], [role=checkbox], [role=dialog], [role=alert]';
  return [...root.querySelectorAll(usable)]
    .filter(element => element.getClientRects().length)
    .slice(0, most)
    .map(element => {
      const role = roleOf(element);
      const named = !['dialog', 'alert', 'alertdialog'].includes(role);
      return { role, name: named ? tidy(nameOf(element, role)) : '', in_row: inRow(element) };
    });
}

async function inEachFrame(page, look, most) {
  const seen = await Promise.all(
    page.frames().map(frame => within(2000, frame.locator(':root').evaluate(look, most)).catch(() => null)),
  );
  return seen.filter(Boolean);
}

async function screenOfPage(page) {
  const controls = await inEachFrame(page, controlsOf, 150);
  const title = await within(2000, page.title()).catch(() => '');
  return { url: page.url(), title, controls: controls.flat().slice(0, 300) };
}
screenOfPage.rfdoc = 'Returns address and title of the page, and roles and names of its controls, frames included.';

// Runs inside the page. What stands in what, and not a word of it: tags, roles and kinds of input.
function structureOf(root, most) {
  let left = most;
  const walk = (element, depth) => {
    left -= 1;
    const { type } = element;
    const kind = element.tagName.toLowerCase() + (element.tagName === 'INPUT' ? `[${type}]` : '');
    const role = (element.getAttribute('role') || '').replace(/[^a-z ]/g, '');
    const node = { is: role ? `${kind} role=${role}` : kind };
    const inside = [];
    for (const child of element.children) {
      if (left <= 0 || depth > 40) break;
      if (['SCRIPT', 'STYLE', 'LINK', 'META', 'TITLE', 'TEMPLATE', 'NOSCRIPT'].includes(child.tagName)) continue;
      const next = walk(child, depth + 1);
      const last = inside[inside.length - 1];
      if (last && last.is === next.is && JSON.stringify(last.has) === JSON.stringify(next.has)) last.times = (last.times || 1) + 1;
      else inside.push(next);
    }
    if (inside.length) node.has = inside;
    return node;
  };
  return { ...walk(root, 0), ...(left <= 0 ? { cut_off: true } : {}) };
}

async function structureOfPage(page) {
  return { frames: await inEachFrame(page, structureOf, 1500) };
}
structureOfPage.rfdoc = 'Returns tags, roles and kinds of input of the page, frames included, without any text.';

exports.__esModule = true;
exports.structureOfPage = structureOfPage;
exports.screenOfPage = screenOfPage;
exports.textOfPage = textOfPage;
exports.rowsOfPage = rowsOfPage;
exports.fieldsOfPage = fieldsOfPage;
exports.pictureOfPage = pictureOfPage;
