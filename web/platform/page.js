/** Whether somebody looks at the page: it is visible, and what is typed goes to it. */
export function isAttended() {
  return document.visibilityState === "visible" && document.hasFocus();
}
