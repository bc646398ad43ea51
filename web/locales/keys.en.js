/** English: a person's keys, and whose keys one trusts. */
export const keys = {
  code_title: "Your recovery code",
  code_lead:
    "If you forget your password, this code opens your encrypted chats. Nobody else can: not the administrators " +
    "either. Keep it on paper or in a password manager, not only on this device.",
  code_for: "Recovery code of @{name} at {server}",
  code_print_hint: "Whoever has this code and your user name can take over your account. It is shown this once.",
  code_copy: "Copy",
  code_save: "Save",
  code_print: "Print",
  code_check: "Type the last two groups of the code",
  code_check_hint: "So that it is certain that you have kept it. Only then does it count.",
  code_check_wrong: "These are not the last two groups of the code.",
  code_keep: "I have kept it",
  code_later: "Later",
  code_kept: "Your recovery code counts now.",
  code_later_note: "You have no recovery code. You can make one in the settings, under Security.",

  unlock_title: "Enter your password to open your encrypted chats",
  unlock_lead: "Your keys are not in this browser.",
  unlock_lead_changed: "Your keys or your password were changed in another browser.",
  unlock_lead_first: "They get keys that only you have. Your password opens them in every browser.",
  unlock_button: "Open",
  unlock_enter: "Enter password",
  unlock_other_salt: "The server treats your password in another way than before. Have you changed it since?",
  unlock_other_salt_yes: "Yes, I have changed it",
  unlocked_note: "Your encrypted chats are open in this browser.",
  not_now: "Not now",

  locked_title: "Your encrypted chats are locked",
  locked_lead: "Your password was set anew, and the new one does not open your keys. There are three ways on:",
  locked_code: "With your recovery code",
  locked_code_hint: "Everything is back at once.",
  locked_browser: "With another browser",
  locked_browser_hint: "Open Impulse in a browser where you are still signed in, and enter the new password there.",
  locked_fresh: "Start fresh",
  locked_fresh_hint:
    "With new keys. Your contacts have to let you back into each encrypted chat, and see that your keys were reset.",
  locked_fresh_question: "Start with new keys?",
  locked_fresh_text:
    "What your old keys opened stays closed until somebody in the chat lets you back in. If you remember the old " +
    "password after all, ask an administrator to bring it back instead.",
  locked_button: "Choose",
  code_field: "Recovery code",
  fresh_note: "You have new keys.",

  recover_link: "Use your recovery code",
  recover_title: "Sign in with your recovery code",
  recover_lead: "Choose a new password. Your encrypted chats come along.",
  recover_button: "Set the password and sign in",
  need_code: "Enter your recovery code.",

  notice_signed_in: "New sign-in: {device}, {time}.",
  notice_changed: "Your password or keys were changed: {device}, {time}.",
  notice_changed_by_link: "Your password was set anew by a link or your recovery code, {time}.",
  notice_changed_away: "Your password or keys were changed while this browser was away.",
  notice_was_me: "That was me",
  notice_not_me: "That was not me",
  notice_unnamed: "an unknown browser",

  rotate: "New keys",
  rotate_title: "Shut others out",
  rotate_lead:
    "If somebody else may know your password or use a browser of yours: this signs out all other browsers and gives " +
    "you new keys, and every encrypted chat gets a new key at once. You keep the whole history.",
  rotate_lead_one:
    "{device} is signed out and you get new keys, and every encrypted chat gets a new key at once. You keep the " +
    "whole history. Your other browsers ask for your password once.",
  rotate_everywhere: "Sign out all my other browsers, too",
  rotate_taken:
    "That is not your current password. If somebody else has changed it, ask an administrator for a link and open it " +
    "in this browser: your keys are here, and nothing is lost.",
  rotate_next: "Also choose a new password",
  rotate_button: "Shut others out",
  rotate_done: "You have new keys, and other browsers are signed out.",
  rotate_done_one: "You have new keys, and that browser is signed out.",
  rotate_left: {
    one: "You have new keys. {n} chat gets its new key when somebody writes there next.",
    other: "You have new keys. {n} chats get their new keys when somebody writes there next.",
  },

  security: "Security",
  security_keys: "Your keys",
  security_ready: "Your keys are in this browser.",
  security_opening: "Your keys are being looked at.",
  security_none: "You have no keys yet.",
  security_unlock: "Your keys are not in this browser.",
  security_locked: "Your keys are locked, because your password was set anew.",
  security_unsupported: "This browser cannot do what encrypted chats need. A newer one can.",
  security_failed: "Your keys could not be looked at. It is tried again.",
  security_level_1: "They stay here until you sign out. No program on this page can copy them.",
  security_level_2:
    "They stay here until you sign out. This browser cannot keep one of them as well as others can, so it is kept " +
    "encrypted.",
  security_level_3:
    "This browser keeps nothing (a private window?). They are gone with this page, and you enter your password again.",
  security_code: "Recovery code",
  security_code_yes: "You have one. A new one takes its place.",
  no_code: "You have no recovery code. If you forget your password, your encrypted chats may be lost.",
  security_code_no: "You have none. If you forget your password, your encrypted chats may be lost.",
  security_code_new: "Make a new code",
  security_code_make: "Make a code",
  security_numbers: "Safety numbers",
  security_numbers_hint:
    "You have one with each person. If both of you see the same number, nobody stands between you. It changes only " +
    "if one of you starts fresh.",
  security_numbers_none: "You have not met anybody in an encrypted chat yet.",
  security_browsers: "Other browsers",
  security_browsers_hint: "Where you are signed in, and how to sign out there.",
  security_browsers_open: "Show sessions",
  security_counters: "Checks",
  security_failed_checks: "Failed checks",
  security_missing_keys: "Missing keys",
  security_counters_hint: "Since this page was loaded. Both should be zero.",
  security_forget: "Forget this server's list of keys",
  security_forget_hint:
    "Only if its administrators have told you that they had to go on with another list. Everybody's keys are then " +
    "checked anew; whom you have verified stays known.",
  security_password_title: "Enter your password",

  safety_title: "Compare with {name}",
  safety_lead:
    "Look at this number together with {name}: in person, or in a call where you know the voice. The same number " +
    "stands on their screen, on your card.",
  safety_same: "Mark as verified",
  safety_undo: "Not verified any more",
  safety_verified: "Verified",
  safety_verified_since: "Verified {time}",
  safety_not_verified: "Not verified",
  safety_compare: "Compare safety numbers",
  safety_no_keys: "Has not set up encryption yet.",
  safety_reset: "The keys of this person were reset. Compare again before you trust them.",
  safety_old: "The server shows an old key of this person.",
  safety_two_names: "Two accounts have this name in the list of keys. One of them is not who it says.",
  safety_withheld: "The server keeps something of this person back.",
  safety_name: "In the list of keys this account is @{name}.",
  safety_marked: "{name} is verified.",

  alarm_my_name: "Somebody else bears your name",
  alarm_my_name_text:
    "The server has a second account under your name in its list of keys. Nothing encrypted is sent from here. Tell " +
    "your contacts by another way, and ask the administrators.",
  alarm_own_keys: "The server shows keys for your account that are not yours",
  alarm_own_keys_text:
    "Somebody may be trying to read what is written to you. Nothing encrypted is sent from here. Ask the " +
    "administrators, and tell your contacts by another way. A backup was restored? Then open Impulse once in a " +
    "browser you used before.",
  alarm_own_reset: "Your keys were reset",
  alarm_own_reset_text:
    "Was it you, in another browser? Then enter your password. If it was not you, somebody may be trying to read " +
    "what is written to you: ask the administrators, and tell your contacts by another way. Nothing encrypted is " +
    "sent from here.",
  alarm_when: "Noted {time}",
  alarm_go_on: "Go on to the rooms",
  alarm_fork: "This server shows another list of keys than before. Nothing is sent in encrypted chats.",
  alarm_rollback:
    "This server shows an older list of keys. Nothing is sent in encrypted chats. Its administrators have been told.",
  alarm_older_keys: "Your keys on the server are older than those in this browser.",
  alarm_spoilt_trust:
    "What the server keeps of the keys that you know was damaged. Somebody may be using your account: " +
    "look at Settings, Security.",
  alarm_weaker: "The server asks for a weaker sign-in than before. Your password was not used.",
  alarm_save: "Save as evidence",
  alarm_closed: "Keys cannot be changed at the moment. Nothing is lost; try again later.",

  error_other_salt: "The server treats your password in another way than before.",
  error_not_kept: "The server has not kept your keys as they were sent. Your old ones still count; try again.",
  error_keys_do_not_open: "Your keys on the server do not open with this password.",
  error_keys_do_not_match: "Your keys do not fit the server's list of keys.",
  error_keys_locked: "Your keys are locked. Open them first.",
  error_not_locked: "Your keys are not locked any more. Reload the page.",
  error_keys_unsupported: "This browser cannot do what your keys need. Use a newer one.",
  error_no_keys_here: "Your keys are not in this browser.",
  error_older_keys: "Your keys on the server are older than those in this browser. Ask the administrators.",
  error_update_needed: "This needs a newer version. Reload the page.",
  error_code_typo: "There is a typing error in this code.",
  error_other_account: "This is not the account of this code.",
  error_entries_withheld: "The server keeps something of this person back.",
};
