/** Joins the parts: the state of this browser, and the screens that show it. */
import { useTheme } from "./platform/preferences.js";
import { createClient } from "./state/client.js";
import { useLanguage } from "./ui/base/language.js";
import { mount } from "./ui/shell/app_view.js";

useTheme();
useLanguage();

const root = document.getElementById("app");
if (root) {
  const { store, actions } = createClient();
  mount(root, store, actions);
}
