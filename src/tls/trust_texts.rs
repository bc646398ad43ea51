//! What the page says that explains how to trust the server's own authority. `{name}` is what lists of authorities
//! show of it.

use crate::http::Language;

/// The page in one language.
pub(super) struct Texts {
    pub title: &'static str,
    pub lead: &'static str,
    pub download: &'static str,
    pub compare: &'static str,
    pub steps: &'static str,
    /// Three steps for each of [`System::ALL`](super::trust_page::System::ALL), in that order.
    pub systems: [[&'static str; 3]; 6],
    pub limits: &'static str,
    pub vouches: &'static str,
    pub addresses: &'static str,
    pub nothing_else: &'static str,
    /// `{time}` is the end.
    pub until: &'static str,
    pub without: &'static str,
    pub chat: &'static str,
}

/// The page in this language.
pub(super) fn texts(language: Language) -> &'static Texts {
    match language {
        Language::En => &EN,
        Language::Ru => &RU,
        Language::Es => &ES,
    }
}

static EN: Texts = Texts {
    title: "Trust this server",
    lead: "Nobody issues certificates for addresses inside a private network, so this server has a certificate \
           authority of its own. Trust it once on this device, and browsers no longer warn.",
    download: "Download the certificate",
    compare: "Before you trust it, compare its SHA-256 fingerprint with the one that the server shows when it starts:",
    steps: "Three steps",
    systems: [
        [
            "Open this page in <b>Safari</b>, tap <b>Download the certificate</b> and allow the profile.",
            "<b>Settings</b> → <b>General</b> → <b>VPN &amp; Device Management</b> → <b>{name}</b> → <b>Install</b>.",
            "<b>Settings</b> → <b>General</b> → <b>About</b> → <b>Certificate Trust Settings</b>: switch \
             <b>{name}</b> on.",
        ],
        [
            "Tap <b>Download the certificate</b>.",
            "Open <b>Settings</b>, search for <b>CA certificate</b> (below <b>Security</b> → <b>Encryption &amp; \
             credentials</b> → <b>Install a certificate</b>) and tap <b>Install anyway</b>.",
            "Choose <b>ca.crt</b> among the downloads.",
        ],
        [
            "Download the certificate, open <b>ca.crt</b> and press <b>Install Certificate</b>.",
            "Choose <b>Current User</b>, then <b>Place all certificates in the following store</b> → \
             <b>Trusted Root Certification Authorities</b>.",
            "Finish, answer <b>Yes</b>, and restart the browser.",
        ],
        [
            "Download the certificate and open <b>ca.crt</b>: <b>Keychain Access</b> adds it to the login keychain.",
            "Open <b>{name}</b> there and unfold <b>Trust</b>.",
            "Set <b>When using this certificate</b> to <b>Always Trust</b>, close the window and enter your password.",
        ],
        [
            "Download the certificate.",
            "In Chromium or Chrome: <b>Settings</b> → <b>Privacy and security</b> → <b>Security</b> → <b>Manage \
             certificates</b> → <b>Authorities</b> or <b>Custom</b> → <b>Import</b>.",
            "Choose <b>ca.crt</b> and tick <b>Trust this certificate for identifying websites</b>.",
        ],
        [
            "Download the certificate. If Firefox asks at once whether to trust it, go on with step 3.",
            "<b>Settings</b> → <b>Privacy &amp; Security</b> → <b>View Certificates</b> → <b>Authorities</b> → \
             <b>Import</b>: choose <b>ca.crt</b>.",
            "Tick <b>Trust this CA to identify websites</b>.",
        ],
    ],
    limits: "What you risk",
    vouches: "The certificate itself says what this authority may vouch for, and browsers hold it to that:",
    addresses: "private addresses, such as 192.168.…, 10.… and 127.0.0.1,",
    nothing_else: "It cannot vouch for any site on the Internet, not even if somebody steals its key.",
    until: "It is valid until {time}.",
    without: "The chat works without this, too, after you accept the browser's warning.",
    chat: "To the chat",
};

static RU: Texts = Texts {
    title: "Доверять этому серверу",
    lead: "Для адресов внутри частной сети никто не выдаёт сертификаты, поэтому у этого сервера свой центр \
           сертификации. Доверьтесь ему на этом устройстве один раз, и браузеры перестанут предупреждать.",
    download: "Скачать сертификат",
    compare: "Прежде чем доверять, сравните отпечаток SHA-256 с тем, который сервер показывает при запуске:",
    steps: "Три шага",
    systems: [
        [
            "Откройте эту страницу в <b>Safari</b>, нажмите <b>Скачать сертификат</b> и разрешите загрузку профиля.",
            "<b>Настройки</b> → <b>Основные</b> → <b>VPN и управление устройством</b> → <b>{name}</b> → \
             <b>Установить</b>.",
            "<b>Настройки</b> → <b>Основные</b> → <b>Об этом устройстве</b> → <b>Доверие сертификатам</b>: включите \
             <b>{name}</b>.",
        ],
        [
            "Нажмите <b>Скачать сертификат</b>.",
            "Откройте <b>Настройки</b>, найдите поиском <b>Сертификат ЦС</b> (<b>Безопасность</b> → <b>Шифрование и \
             учётные данные</b> → <b>Установка сертификатов</b>) и нажмите <b>Всё равно установить</b>.",
            "Выберите <b>ca.crt</b> среди загрузок.",
        ],
        [
            "Скачайте сертификат, откройте <b>ca.crt</b> и нажмите <b>Установить сертификат</b>.",
            "Выберите <b>Текущий пользователь</b>, затем <b>Поместить все сертификаты в следующее хранилище</b> → \
             <b>Доверенные корневые центры сертификации</b>.",
            "Нажмите <b>Готово</b>, ответьте <b>Да</b> и перезапустите браузер.",
        ],
        [
            "Скачайте сертификат и откройте <b>ca.crt</b>: <b>Связка ключей</b> добавит его в связку «Вход».",
            "Откройте там <b>{name}</b> и разверните <b>Доверие</b>.",
            "Выберите для <b>Параметры использования сертификата</b> значение <b>Всегда доверять</b>, закройте окно \
             и введите пароль.",
        ],
        [
            "Скачайте сертификат.",
            "В Chromium или Chrome: <b>Настройки</b> → <b>Конфиденциальность и безопасность</b> → \
             <b>Безопасность</b> → <b>Настроить сертификаты</b> → <b>Центры сертификации</b> → <b>Импорт</b>.",
            "Выберите <b>ca.crt</b> и отметьте <b>Доверять этому сертификату при идентификации сайтов</b>.",
        ],
        [
            "Скачайте сертификат. Если Firefox сразу спросит о доверии, переходите к шагу 3.",
            "<b>Настройки</b> → <b>Приватность и защита</b> → <b>Просмотр сертификатов</b> → <b>Центры \
             сертификации</b> → <b>Импортировать</b>: выберите <b>ca.crt</b>.",
            "Отметьте <b>Доверять при идентификации веб-сайтов</b>.",
        ],
    ],
    limits: "Чем вы рискуете",
    vouches: "В самом сертификате написано, за что этот центр может ручаться, и браузеры это проверяют:",
    addresses: "частные адреса, такие как 192.168.…, 10.… и 127.0.0.1,",
    nothing_else: "Ни за один сайт в интернете он поручиться не может, даже если его ключ украдут.",
    until: "Действует до {time}.",
    without: "Чат работает и без этого, если принять предупреждение браузера.",
    chat: "В чат",
};

static ES: Texts = Texts {
    title: "Confiar en este servidor",
    lead: "Nadie emite certificados para direcciones de una red privada, así que este servidor tiene su propia \
           autoridad de certificación. Confía en ella una vez en este dispositivo y los navegadores dejarán de avisar.",
    download: "Descargar el certificado",
    compare: "Antes de confiar, compara su huella SHA-256 con la que muestra el servidor al arrancar:",
    steps: "Tres pasos",
    systems: [
        [
            "Abre esta página en <b>Safari</b>, toca <b>Descargar el certificado</b> y permite el perfil.",
            "<b>Ajustes</b> → <b>General</b> → <b>VPN y gestión de dispositivos</b> → <b>{name}</b> → <b>Instalar</b>.",
            "<b>Ajustes</b> → <b>General</b> → <b>Información</b> → <b>Ajustes de confianza de los certificados</b>: \
             activa <b>{name}</b>.",
        ],
        [
            "Toca <b>Descargar el certificado</b>.",
            "Abre <b>Ajustes</b>, busca <b>Certificado de CA</b> (en <b>Seguridad</b> → <b>Cifrado y \
             credenciales</b> → <b>Instalar un certificado</b>) y toca <b>Instalar de todos modos</b>.",
            "Elige <b>ca.crt</b> entre las descargas.",
        ],
        [
            "Descarga el certificado, abre <b>ca.crt</b> y pulsa <b>Instalar certificado</b>.",
            "Elige <b>Usuario actual</b> y después <b>Colocar todos los certificados en el siguiente almacén</b> → \
             <b>Entidades de certificación raíz de confianza</b>.",
            "Finaliza, responde <b>Sí</b> y reinicia el navegador.",
        ],
        [
            "Descarga el certificado y abre <b>ca.crt</b>: <b>Acceso a Llaveros</b> lo añade al llavero de inicio de \
             sesión.",
            "Abre ahí <b>{name}</b> y despliega <b>Confiar</b>.",
            "En <b>Al utilizar este certificado</b> elige <b>Confiar siempre</b>, cierra la ventana y escribe tu \
             contraseña.",
        ],
        [
            "Descarga el certificado.",
            "En Chromium o Chrome: <b>Configuración</b> → <b>Privacidad y seguridad</b> → <b>Seguridad</b> → \
             <b>Gestionar certificados</b> → <b>Autoridades</b> → <b>Importar</b>.",
            "Elige <b>ca.crt</b> y marca <b>Confiar en este certificado para identificar sitios web</b>.",
        ],
        [
            "Descarga el certificado. Si Firefox pregunta enseguida si confiar, sigue con el paso 3.",
            "<b>Ajustes</b> → <b>Privacidad y seguridad</b> → <b>Ver certificados</b> → <b>Autoridades</b> → \
             <b>Importar</b>: elige <b>ca.crt</b>.",
            "Marca <b>Confiar en esta CA para identificar sitios web</b>.",
        ],
    ],
    limits: "Qué arriesgas",
    vouches: "El propio certificado dice de qué puede responder esta autoridad, y los navegadores lo comprueban:",
    addresses: "direcciones privadas, como 192.168.…, 10.… y 127.0.0.1,",
    nothing_else: "No puede responder de ningún sitio de Internet, ni siquiera si le roban la clave.",
    until: "Vale hasta el {time}.",
    without: "El chat funciona también sin esto, tras aceptar el aviso del navegador.",
    chat: "Ir al chat",
};
