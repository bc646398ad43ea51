/**
 * What people choose, about a thousand words, most chosen first. As ten characters are required, nobody can use most
 * of them as they are, so these are cores: a password is common when one of them is left after the digits and signs
 * around it and the usual letter-for-digit swaps are taken away ("P4ssw0rd2024!"), or when it is one of them twice.
 * Loaded only while a password is being set: 11 KB that no reader of messages needs.
 */
export const COMMON = new Set(
  (
    "password qwerty iloveyou abc admin welcome monkey dragon letmein football baseball sunshine princess master " +
    "shadow superman login michael jennifer jordan ashley daniel charlie andrew jessica thomas michelle joshua " +
    "amanda nicole robert hunter soccer batman trustnoone killer hockey george pepper ginger summer winter spring " +
    "autumn freedom whatever computer internet starwars pokemon minecraft fortnite naruto passw pass passwd passwort " +
    "parole parola senha contrasena contraseña motdepasse wachtwoord lozinka haslo salasana kennwort geheim secret " +
    "mypassword thepassword newpassword oldpassword yourpassword nopassword passwordpassword passwords passphrase " +
    "password one passwordone changeme changemenow changethis change default guest user username test testing tester " +
    "testtest demo example sample temp temporary root administrator administrador sysadmin system server database " +
    "oracle mysql postgres linux windows microsoft google facebook instagram twitter youtube amazon apple iphone " +
    "samsung android nokia motorola sony playstation xbox nintendo netflix spotify whatsapp telegram discord impulse " +
    "impulsechat qwertyuiop qwertyui qwertyu qwert asdfghjkl asdfghjk asdfgh asdf asdfasdf zxcvbnm zxcvbn zxcv " +
    "azerty azertyuiop qwertz qwertzuiop qazwsx qazwsxedc qweasd qweasdzxc qwe asd zxc qweqwe asdasd zxczxc wasd " +
    "poiuytrewq lkjhgfdsa mnbvcxz poiuyt asdqwe zaqwsx zaq xsw qwaszx qazxsw wsxedc abcd abcde abcdef abcdefg " +
    "abcdefgh abcdefghi abcdefghij abcabc aaa aaaa xxx zzz abba abcxyz xyz iloveu iloveme iloveyouso ilovegod " +
    "iloveme love loveme lovely loveyou lover lovers iloveyoubaby mylove truelove babygirl babyboy baby angel angels " +
    "sweety sweetie sweetheart honey darling beautiful beauty gorgeous handsome cutie cute pretty princesa prince " +
    "queen king kingdom jesus jesuschrist christ god godisgood godislove blessed blessing heaven faith hope grace " +
    "trinity bible church amen allah bismillah muhammad mohammed krishna buddha mother father mommy daddy mummy " +
    "sister brother family mylife mybaby forever friend friends bestfriend bff together always never james john " +
    "robert william david richard joseph charles christopher matthew anthony mark donald steven paul joshua kenneth " +
    "kevin brian timothy ronald edward jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin " +
    "scott brandon benjamin samuel gregory alexander alex patrick frank raymond jack dennis jerry tyler aaron jose " +
    "adam nathan henry douglas zachary peter kyle noah ethan jeremy walter christian keith roger terry austin sean " +
    "gerald carl harold dylan arthur lawrence jordan jesse bryan billy bruce gabriel joe logan alan juan albert " +
    "willie elijah wayne randy vincent mason roy ralph bobby russell bradley philip eugene max maximus oliver leo " +
    "lucas liam felix oscar louis simon martin tom tommy tony mike mickey matt chris steve dave danny jimmy johnny " +
    "mary patricia linda elizabeth barbara susan sarah karen lisa nancy betty sandra margaret ashley kimberly emily " +
    "donna carol amanda dorothy melissa deborah stephanie rebecca sharon laura cynthia kathleen amy angela shirley " +
    "anna brenda pamela emma nicole helen samantha katherine christine debra rachel carolyn janet catherine maria " +
    "heather diane ruth julie olivia joyce virginia victoria kelly lauren christina joan evelyn judith megan andrea " +
    "cheryl hannah jacqueline martha gloria teresa ann sara madison frances kathryn janice jean abigail alice julia " +
    "judy sophia sophie grace denise amber doris marilyn danielle isabella theresa diana natalie brittany charlotte " +
    "marie kayla alexis lori chloe zoe lucy lily molly bella daisy rosie sasha natasha tatiana olga svetlana " +
    "ekaterina anastasia vladimir dmitry sergey andrey alexey carlos miguel antonio francisco alejandro fernando " +
    "ricardo eduardo roberto javier manuel pedro pablo diego sebastian santiago mateo valentina camila daniela " +
    "gabriela alejandra carolina paola lorena mariana fernanda adriana veronica monica claudia patricia rosa carmen " +
    "lucia teamo tequiero amor amorcito miamor mivida corazon chocolate estrella mariposa familia hermosa hermoso " +
    "bonita bonito precioso futbol barcelona realmadrid argentina mexico colombia espana chile peru venezuela brasil " +
    "america boca riverplate monkeys tiger tigers lion lions eagle eagles bear bears wolf wolves wolfpack horse " +
    "horses pony puppy kitty kitten cat cats dog dogs doggy fluffy buddy bailey rocky lucky max princess sparky " +
    "shadow smokey tigger pumpkin peanut cookie cookies cupcake brownie muffin pancake waffle cheese pizza hamburger " +
    "banana apple orange cherry strawberry blueberry lemon mango pepper pickle butter butterfly dolphin dolphins " +
    "turtle rabbit bunny hamster panda penguin elephant giraffe zebra spider scorpion snake cobra viper phoenix " +
    "falcon hawk raven robin dove sparrow chicken turkey rooster buffalo mustang bronco broncos stallion cowboy " +
    "cowboys ranger rangers redsox yankees lakers bulls celtics warriors steelers packers patriots raiders vikings " +
    "giants dodgers cubs arsenal chelsea liverpool manchester manutd united everton tottenham juventus milan inter " +
    "bayern ronaldo messi neymar beckham maradona zidane kobe lebron michaeljordan tennis golf golfer basketball " +
    "volleyball softball rugby cricket swimming running fishing hunting surfing skater skateboard snowboard cycling " +
    "boxing wrestling karate ninja samurai warrior knight wizard merlin gandalf frodo legolas aragorn hobbit matrix " +
    "neo morpheus terminator spiderman ironman hulk thor captain avengers marvel joker harley deadpool wolverine " +
    "xmen superstar rockstar popstar gangster gangsta thug playboy player gamer gaming zelda mario luigi sonic " +
    "pikachu charizard digimon yugioh dragonball goku vegeta sasuke itachi kakashi onepiece luffy bleach anime manga " +
    "hello hellokitty hellohello helloworld harrypotter hogwarts potter dumbledore voldemort startrek spock " +
    "skywalker darthvader vader yoda chewbacca hansolo jedi sith metallica nirvana slipknot ironmaiden acdc greenday " +
    "linkinpark blink eminem tupac beatles rolling pinkfloyd ledzeppelin queen madonna shakira rihanna beyonce " +
    "britney justinbieber onedirection taylorswift music guitar piano drummer drums bass singer dancer dancing dance " +
    "disco party rocknroll hiphop metal punk jazz blues reggae bobmarley black white red blue green yellow purple " +
    "pink silver golden gold diamond crystal ruby sapphire emerald amber pearl jade blackcat blackjack redrum " +
    "bluesky greenday rainbow sunny sunflower sunset sunrise moon moonlight moonshine star stars starlight stardust " +
    "galaxy universe cosmos planet earth world heaven paradise ocean island beach river mountain forest flower " +
    "flowers rose roses lily tulip orchid garden nature rainbow thunder lightning storm hurricane tornado snow " +
    "snowball snowman iceman fireman firefly fire ice january february march april may june july august september " +
    "october november december monday tuesday wednesday thursday friday saturday sunday birthday christmas halloween " +
    "easter newyear newyork london paris berlin moscow tokyo madrid roma italia france germany england ireland " +
    "scotland canada australia texas california florida chicago boston dallas denver houston miami atlanta seattle " +
    "vegas lasvegas hollywood brooklyn philly jamaica hawaii russia ukraine poland turkey istanbul india china japan " +
    "korea vietnam philippines indonesia jakarta ferrari porsche mercedes toyota honda nissan subaru mazda ford " +
    "chevy chevrolet camaro corvette dodge jeep harley harleydavidson yamaha suzuki kawasaki ducati audi volkswagen " +
    "volvo money cash dollar dollars rich success winner champion legend hero power powerful strong strength energy " +
    "magic magical mystery destiny fantasy dream dreams dreamer believe peace happy happiness happyday smile smiley " +
    "laugh funny crazy stupid idiot loser hater nothing something anything everything nobody somebody noone someone " +
    "unknown private access accessdenied open opensesame openup enter enterme security secure safe safety guardian " +
    "defender shield control remote network wireless wifi router cisco modem webmaster hacker hacked cracker " +
    "anonymous matrix cyber office company business manager boss work working worker job school student teacher " +
    "college university graduate doctor nurse police army soldier marine marines navy airforce military pilot driver " +
    "captain sailor pirate rocket apollo nasa space spaceship alien aliens zombie vampire ghost demon devil satan " +
    "lucifer hell death dead killme fuckyou fuckoff fuckme fuck shit bitch asshole bullshit pussy dick cock sexy sex " +
    "sexsex hotgirl hottie hotstuff naked porn blowjob boobs bigdick lesbian gay bastard damn screwyou suckit eatme " +
    "kissme kisses hugs yellowsubmarine correcthorsebatterystaple correcthorse letmeinplease letmeinnow iamtheboss " +
    "iamgod imthebest itsasecret dontforget forgetme remember rememberme donotenter goodluck goodmorning goodnight " +
    "goodbye whatsup whatisthis whocares whoami iamhere iam imcool coolguy coolman cool awesome amazing perfect " +
    "number one onelove numberone onetwothree пароль пароли парольпароль мойпароль секрет админ администратор привет " +
    "приветпривет йцукен йцукенг йцукенгшщз фывапролджэ фыва фывапр ячсмить ячсмитьбю йфяцыч любовь люблю люблютебя " +
    "ятебялюблю солнце солнышко зайка котенок кошка собака мама папа семья дружба счастье жизнь москва россия " +
    "украина спартак зенит динамо цска наташа настя аня катя маша лена оля саша дима сергей андрей максим алексей " +
    "александр владимир екатерина татьяна светлана анастасия марина виктория кристина ангел принцесса королева " +
    "король медведь волк дракон самсунг компьютер интернет вконтакте одноклассники privet parol lubov lyubov solnce " +
    "solnishko zaika kotenok moskva rossiya natasha nastya katya masha lena olya sasha dima sergei andrei maksim " +
    "aleksey aleksandr marina kristina spartak zenit qweasdqwe qwerasdf qwertyqwerty asdfjkl jkl fgh ghj dfg hjkl " +
    "uiop vbnm tyui rtyu"
  ).split(/\s+/),
);
