/**
 * The only way this client makes markup: nodes, never strings of HTML. Text is always a text node, so nothing a
 * person types can become an element, an attribute or a script. Costs one function call per node.
 */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Child | Child[]} Children */
/** @typedef {Record<string, unknown>} Props */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. A property that is a function listens for the event it is named after (`click`), `true` and
 * `false` set and leave out an attribute, `value`, `checked` and `class` are what one expects.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) apply(node, name, value);
  append(node, children);
  return node;
}

/**
 * Makes an SVG element; attributes only.
 *
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return /** @type {SVGElement} */ (node);
}

/**
 * Replaces everything inside `parent`.
 *
 * @param {Element} parent
 * @param {...Children} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/**
 * Puts the nodes in order with as few moves as may be: a node that is in its place is not touched.
 *
 * @param {HTMLElement} parent
 * @param {HTMLElement[]} nodes
 */
export function place(parent, nodes) {
  const wanted = new Set(nodes);
  for (const child of [...parent.children]) if (!wanted.has(/** @type {HTMLElement} */ (child))) child.remove();
  let at = parent.firstElementChild;
  for (const node of nodes) {
    if (node === at) at = at.nextElementSibling;
    else parent.insertBefore(node, at);
  }
}

/**
 * Sets a text only when it changed, so that screen readers do not read it twice.
 *
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * @param {HTMLElement} node
 * @param {string} name
 * @param {unknown} value
 */
function apply(node, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (typeof value === "function") node.addEventListener(name, /** @type {EventListener} */ (value));
  else if (name === "class") node.className = String(value);
  else if (name === "value" && "value" in node) node.value = String(value);
  else if (name === "checked" && "checked" in node) node.checked = Boolean(value);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/**
 * @param {Node} parent
 * @param {Children[]} children
 */
function append(parent, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}
