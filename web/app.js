/** Joins the parts: the state of this browser, and the screens that show it. */
import { useTheme } from "./platform/preferences.js";
import { createClient } from "./state/client.js";
import { useLanguage } from "./ui/base/language.js";
import { mount } from "./ui/shell/app_view.js";

useTheme();
void start();

async function start() {
  const root = document.getElementById("app");
  if (!root) return;
  // What the server has to say is on its way while the words are loaded.
  const { store, actions } = createClient();
  await useLanguage();
  mount(root, store, actions);
}
