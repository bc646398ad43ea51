/** Spanish: a person's keys, and whose keys one trusts. */
export const keys = {
  code_title: "Tu código de recuperación",
  code_lead:
    "Si olvidas tu contraseña, este código abre tus chats cifrados. Nadie más puede, tampoco la administración. " +
    "Guárdalo en papel o en un gestor de contraseñas, no solo en este dispositivo.",
  code_for: "Código de recuperación de @{name} en {server}",
  code_print_hint:
    "Quien tenga este código y tu nombre de usuario puede hacerse con tu cuenta. Solo se muestra una vez.",
  code_copy: "Copiar",
  code_save: "Guardar",
  code_print: "Imprimir",
  code_check: "Escribe los dos últimos grupos del código",
  code_check_hint: "Para estar seguros de que lo has guardado. Solo entonces cuenta.",
  code_check_wrong: "No son los dos últimos grupos del código.",
  code_keep: "Lo he guardado",
  code_later: "Más tarde",
  code_kept: "Tu código de recuperación ya cuenta.",
  code_later_note: "No tienes código de recuperación. Puedes crear uno en los ajustes, en Seguridad.",

  unlock_title: "Escribe tu contraseña para abrir tus chats cifrados",
  unlock_lead: "Tus claves no están en este navegador.",
  unlock_lead_changed: "Tus claves o tu contraseña se cambiaron en otro navegador.",
  unlock_lead_first: "Tendrán claves que solo tienes tú. Tu contraseña las abre en cualquier navegador.",
  unlock_button: "Abrir",
  unlock_enter: "Escribir contraseña",
  unlock_other_salt: "El servidor trata tu contraseña de otra forma que antes. ¿La has cambiado desde entonces?",
  unlock_other_salt_yes: "Sí, la he cambiado",
  unlocked_note: "Tus chats cifrados están abiertos en este navegador.",
  not_now: "Ahora no",

  locked_title: "Tus chats cifrados están bloqueados",
  locked_lead: "Tu contraseña se puso de nuevo, y la nueva no abre tus claves. Hay tres caminos:",
  locked_code: "Con tu código de recuperación",
  locked_code_hint: "Todo vuelve al momento.",
  locked_browser: "Con otro navegador",
  locked_browser_hint: "Abre Impulse en un navegador donde sigas dentro y escribe allí la contraseña nueva.",
  locked_fresh: "Empezar de cero",
  locked_fresh_hint:
    "Con claves nuevas. Tus contactos tienen que dejarte volver a cada chat cifrado, y ven que tus claves se " +
    "restablecieron.",
  locked_fresh_question: "¿Empezar con claves nuevas?",
  locked_fresh_text:
    "Lo que abrían tus claves antiguas sigue cerrado hasta que alguien del chat te deje volver. Si al final " +
    "recuerdas la contraseña antigua, pide a la administración que la recupere.",
  locked_button: "Elegir",
  code_field: "Código de recuperación",
  fresh_note: "Tienes claves nuevas.",

  recover_link: "Usar tu código de recuperación",
  recover_title: "Entra con tu código de recuperación",
  recover_lead: "Elige una contraseña nueva. Tus chats cifrados vienen contigo.",
  recover_button: "Poner la contraseña y entrar",
  need_code: "Escribe tu código de recuperación.",

  notice_signed_in: "Nueva sesión: {device}, {time}.",
  notice_changed: "Tu contraseña o tus claves han cambiado: {device}, {time}.",
  notice_changed_by_link: "Tu contraseña se puso de nuevo con un enlace o con tu código de recuperación, {time}.",
  notice_changed_away: "Tu contraseña o tus claves cambiaron mientras este navegador estaba cerrado.",
  notice_was_me: "He sido yo",
  notice_not_me: "No he sido yo",
  notice_unnamed: "un navegador desconocido",

  rotate: "Claves nuevas",
  rotate_title: "Dejar fuera a los demás",
  rotate_lead:
    "Si alguien puede saber tu contraseña o usar un navegador tuyo: se cierra la sesión en todos los demás " +
    "navegadores, recibes claves nuevas y cada chat cifrado recibe una clave nueva al momento. Conservas toda la " +
    "historia.",
  rotate_lead_one:
    "Se cierra la sesión de {device}, recibes claves nuevas y cada chat cifrado recibe una clave nueva al momento. " +
    "Conservas toda la historia. Tus demás navegadores piden la contraseña una vez.",
  rotate_everywhere: "Cerrar también la sesión en todos mis demás navegadores",
  rotate_taken:
    "Esa no es tu contraseña actual. Si la ha cambiado otra persona, pide un enlace a la administración y ábrelo en " +
    "este navegador: tus claves están aquí y no se pierde nada.",
  rotate_next: "Elegir también una contraseña nueva",
  rotate_button: "Dejar fuera a los demás",
  rotate_done: "Tienes claves nuevas, y los demás navegadores están fuera.",
  rotate_done_one: "Tienes claves nuevas, y ese navegador está fuera.",
  rotate_left: {
    one: "Tienes claves nuevas. {n} chat recibirá la suya cuando alguien escriba allí.",
    many: "Tienes claves nuevas. {n} chats recibirán las suyas cuando alguien escriba allí.",
    other: "Tienes claves nuevas. {n} chats recibirán las suyas cuando alguien escriba allí.",
  },

  security: "Seguridad",
  security_keys: "Tus claves",
  security_ready: "Tus claves están en este navegador.",
  security_opening: "Se están mirando tus claves.",
  security_none: "Aún no tienes claves.",
  security_unlock: "Tus claves no están en este navegador.",
  security_locked: "Tus claves están bloqueadas, porque tu contraseña se puso de nuevo.",
  security_unsupported: "Este navegador no puede hacer lo que necesitan los chats cifrados. Uno más nuevo, sí.",
  security_failed: "No se han podido mirar tus claves. Se intenta de nuevo.",
  security_level_1: "Se quedan aquí hasta que salgas. Ningún programa de esta página puede copiarlas.",
  security_level_2:
    "Se quedan aquí hasta que salgas. Este navegador no puede guardar una de ellas tan bien como otros, así que la " +
    "guarda cifrada.",
  security_level_3:
    "Este navegador no guarda nada (¿una ventana privada?). Se van con esta página, y tendrás que escribir tu " +
    "contraseña otra vez.",
  security_code: "Código de recuperación",
  security_code_yes: "Tienes uno. Uno nuevo ocupa su lugar.",
  no_code: "No tienes código de recuperación. Si olvidas tu contraseña, tus chats cifrados pueden perderse.",
  security_code_no: "No tienes ninguno. Si olvidas tu contraseña, tus chats cifrados pueden perderse.",
  security_code_new: "Crear un código nuevo",
  security_code_make: "Crear un código",
  security_numbers: "Números de seguridad",
  security_numbers_hint:
    "Tienes uno con cada persona. Si los dos veis el mismo número, no hay nadie en medio. Solo cambia si uno de los " +
    "dos empieza de cero.",
  security_numbers_none: "Aún no has coincidido con nadie en un chat cifrado.",
  security_browsers: "Otros navegadores",
  security_browsers_hint: "Dónde has iniciado sesión, y cómo cerrarla.",
  security_browsers_open: "Ver sesiones",
  security_counters: "Comprobaciones",
  security_failed_checks: "Comprobaciones fallidas",
  security_missing_keys: "Claves que faltan",
  security_counters_hint: "Desde que se cargó esta página. Ambas deberían ser cero.",
  security_forget: "Olvidar la lista de claves de este servidor",
  security_forget_hint:
    "Solo si la administración te ha dicho que tuvo que seguir con otra lista. Las claves de todos se comprueban de " +
    "nuevo; a quien has verificado se le sigue conociendo.",
  security_password_title: "Escribe tu contraseña",

  safety_title: "Comparar con {name}",
  safety_lead:
    "Mirad este número juntos, tú y {name}: en persona, o en una llamada en la que conozcas la voz. El mismo número " +
    "está en su pantalla, en tu tarjeta.",
  safety_same: "Marcar como verificado",
  safety_undo: "Ya no está verificado",
  safety_verified: "Verificado",
  safety_verified_since: "Verificado {time}",
  safety_not_verified: "Sin verificar",
  safety_compare: "Comparar números de seguridad",
  safety_no_keys: "Aún no ha configurado el cifrado.",
  safety_reset: "Las claves de esta persona se restablecieron. Compara otra vez antes de fiarte.",
  safety_old: "El servidor muestra una clave antigua de esta persona.",
  safety_two_names: "Dos cuentas tienen este nombre en la lista de claves. Una de ellas no es quien dice.",
  safety_withheld: "El servidor oculta algo de esta persona.",
  safety_name: "En la lista de claves esta cuenta es @{name}.",
  safety_marked: "{name} está verificado.",

  alarm_my_name: "Alguien más lleva tu nombre",
  alarm_my_name_text:
    "El servidor tiene una segunda cuenta con tu nombre en su lista de claves. Desde aquí no se envía nada cifrado. " +
    "Avisa a tus contactos por otra vía y pregunta a la administración.",
  alarm_own_keys: "El servidor muestra claves de tu cuenta que no son tuyas",
  alarm_own_keys_text:
    "Puede que alguien intente leer lo que te escriben. Desde aquí no se envía nada cifrado. Pregunta a la " +
    "administración y avisa a tus contactos por otra vía. ¿Se restauró una copia de seguridad? Entonces abre Impulse " +
    "una vez en un navegador que hayas usado antes.",
  alarm_own_reset: "Tus claves se restablecieron",
  alarm_own_reset_text:
    "¿Has sido tú, en otro navegador? Entonces escribe tu contraseña. Si no has sido tú, puede que alguien intente " +
    "leer lo que te escriben: pregunta a la administración y avisa a tus contactos por otra vía. Desde aquí no se " +
    "envía nada cifrado.",
  alarm_when: "Anotado {time}",
  alarm_go_on: "Ir a las salas",
  alarm_fork: "El servidor muestra otra lista de claves que antes. En los chats cifrados no se envía nada.",
  alarm_rollback:
    "El servidor muestra una lista de claves más antigua. En los chats cifrados no se envía nada. " +
    "Se ha avisado a la administración.",
  alarm_older_keys: "Tus claves en el servidor son más antiguas que las de este navegador.",
  alarm_spoilt_trust:
    "Se ha dañado lo que el servidor guarda de las claves que conoces. Puede que alguien use " +
    "tu cuenta: mira en Ajustes, Seguridad.",
  alarm_weaker: "El servidor pide un inicio de sesión más débil que antes. Tu contraseña no se ha usado.",
  alarm_save: "Guardar como prueba",
  alarm_closed: "Ahora mismo no se pueden cambiar las claves. No se pierde nada; inténtalo más tarde.",

  error_other_salt: "El servidor trata tu contraseña de otra forma que antes.",
  error_not_kept:
    "El servidor no ha guardado tus claves como se enviaron. Las antiguas siguen valiendo; prueba otra vez.",
  error_keys_do_not_open: "Esta contraseña no abre tus claves en el servidor.",
  error_keys_do_not_match: "Tus claves no encajan con la lista de claves del servidor.",
  error_keys_locked: "Tus claves están bloqueadas. Ábrelas primero.",
  error_not_locked: "Tus claves ya no están bloqueadas. Recarga la página.",
  error_keys_unsupported: "Este navegador no puede hacer lo que necesitan tus claves. Usa uno más nuevo.",
  error_no_keys_here: "Tus claves no están en este navegador.",
  error_older_keys:
    "Tus claves en el servidor son más antiguas que las de este navegador. Pregunta a la administración.",
  error_update_needed: "Hace falta una versión más nueva. Recarga la página.",
  error_code_typo: "Este código tiene una errata.",
  error_other_account: "Esta no es la cuenta de este código.",
  error_entries_withheld: "El servidor oculta algo de esta persona.",
};
