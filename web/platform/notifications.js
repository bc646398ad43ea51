/** Notifications of the desktop, where the browser has them. */

/**
 * Whether this page may show notifications. A browser that has none answers as one that forbids them.
 *
 * @returns {NotificationPermission}
 */
export function notificationPermission() {
  return typeof Notification === "undefined" ? "denied" : Notification.permission;
}

/** Lets the browser ask for permission, if it has not asked yet. */
export async function allowNotifications() {
  if (notificationPermission() === "default") await Notification.requestPermission();
}

/**
 * @param {string} title
 * @param {{ body: string, tag: string, icon: string }} options  one with the same tag is replaced
 * @param {() => void} opened  after a click, which also brings the page to the front
 * @returns {{ close: () => void }}
 */
export function showNotification(title, options, opened) {
  const notification = new Notification(title, options);
  notification.onclick = () => {
    window.focus();
    opened();
    notification.close();
  };
  return notification;
}
