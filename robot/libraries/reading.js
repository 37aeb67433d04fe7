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
  const before = await boxes(page, show);
  const picture = await page.screenshot({ type: 'jpeg', quality: 70, timeout: 3000, animations: 'disabled' });
  const after = await boxes(page, show);
  const still = JSON.stringify(before) === JSON.stringify(after);
  return { jpeg: picture.toString('base64'), boxes: still ? after : [] };
}
pictureOfPage.rfdoc = 'Returns a picture of the page and the boxes that may stay visible in it.';

exports.__esModule = true;
exports.textOfPage = textOfPage;
exports.rowsOfPage = rowsOfPage;
exports.fieldsOfPage = fieldsOfPage;
exports.pictureOfPage = pictureOfPage;
