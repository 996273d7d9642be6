//! Names in many scripts, each with the ASCII spelling that its owner's email address would use.
//!
//! About four people in five write their names in Latin letters. A locale also has the countries of its people's
//! mobile numbers, so that name and number fit together.

/// A name as written, and its ASCII spelling in lower case.
pub(super) type Name = (&'static str, &'static str);

/// People who share a script, a pool of names and a few countries.
pub(super) struct Locale {
    /// The number of its people in a thousand recipients.
    pub(super) share: u64,
    pub(super) forenames: &'static [Name],
    pub(super) surnames: &'static [Name],
    /// The start of a mobile number (country code and mobile prefix) and how many digits follow.
    pub(super) mobiles: &'static [(&'static str, u32)],
}

/// The shares add up to 1000.
pub(super) const LOCALES: [Locale; 15] = [
    ENGLISH,
    GERMAN,
    FRENCH,
    SPANISH,
    POLISH,
    NORDIC,
    TURKISH,
    GREEK,
    RUSSIAN,
    ARABIC,
    HEBREW,
    CHINESE,
    JAPANESE,
    KOREAN,
    SOUTH_ASIAN_AND_THAI,
];

const ENGLISH: Locale = Locale {
    share: 340,
    forenames: &[
        ("Olivia", "olivia"),
        ("Jack", "jack"),
        ("Amelia", "amelia"),
        ("Harry", "harry"),
        ("Isla", "isla"),
        ("Thomas", "thomas"),
        ("Charlotte", "charlotte"),
        ("George", "george"),
        ("Emily", "emily"),
        ("Noah", "noah"),
        ("Margaret", "margaret"),
        ("William", "william"),
        ("Siobhán", "siobhan"),
        ("Zoë", "zoe"),
        ("Ann", "ann"),
        ("Christopher", "christopher"),
        ("Elizabeth", "elizabeth"),
        ("Sam", "sam"),
        ("Niamh", "niamh"),
        ("Ed", "ed"),
    ],
    surnames: &[
        ("Smith", "smith"),
        ("Jones", "jones"),
        ("Taylor", "taylor"),
        ("Brown", "brown"),
        ("Williams", "williams"),
        ("O'Brien", "obrien"),
        ("Johnson", "johnson"),
        ("Robinson", "robinson"),
        ("MacDonald", "macdonald"),
        ("Evans", "evans"),
        ("Thompson", "thompson"),
        ("Hall", "hall"),
        ("Clarke-Jones", "clarkejones"),
        ("Featherstonehaugh", "featherstonehaugh"),
        ("Lee", "lee"),
        ("Ward", "ward"),
        ("Patel", "patel"),
    ],
    mobiles: &[("447", 9), ("1415", 7), ("1212", 7), ("614", 8), ("35387", 7), ("6421", 7), ("2782", 7)],
};

const GERMAN: Locale = Locale {
    share: 120,
    forenames: &[
        ("Jürgen", "juergen"),
        ("Anna", "anna"),
        ("Björn", "bjoern"),
        ("Sophie", "sophie"),
        ("Lukas", "lukas"),
        ("Käthe", "kaethe"),
        ("Maximilian", "maximilian"),
        ("Lena", "lena"),
        ("Günther", "guenther"),
        ("Ute", "ute"),
    ],
    surnames: &[
        ("Müller", "mueller"),
        ("Schmidt", "schmidt"),
        ("Weiß", "weiss"),
        ("Schäfer", "schaefer"),
        ("Koch", "koch"),
        ("Größmann", "groessmann"),
        ("Wagner", "wagner"),
        ("von der Heide", "vonderheide"),
        ("Böhm", "boehm"),
    ],
    mobiles: &[("4915", 9), ("4917", 8), ("43664", 7), ("4179", 7)],
};

const FRENCH: Locale = Locale {
    share: 100,
    forenames: &[
        ("Élodie", "elodie"),
        ("François", "francois"),
        ("Camille", "camille"),
        ("Hélène", "helene"),
        ("Luc", "luc"),
        ("Chloé", "chloe"),
        ("Jean-Pierre", "jeanpierre"),
        ("Anaïs", "anais"),
        ("Mathieu", "mathieu"),
        ("Léa", "lea"),
    ],
    surnames: &[
        ("Dupont", "dupont"),
        ("Lefèvre", "lefevre"),
        ("Bérénger", "berenger"),
        ("Moreau", "moreau"),
        ("Roux", "roux"),
        ("Garçon", "garcon"),
        ("D'Aubigné", "daubigne"),
        ("Petit", "petit"),
        ("Beauséjour", "beausejour"),
    ],
    mobiles: &[("336", 8), ("337", 8), ("32470", 6), ("1514", 7)],
};

const SPANISH: Locale = Locale {
    share: 110,
    forenames: &[
        ("José", "jose"),
        ("María", "maria"),
        ("Íñigo", "inigo"),
        ("Lucía", "lucia"),
        ("João", "joao"),
        ("Ana", "ana"),
        ("Concepción", "concepcion"),
        ("Andrés", "andres"),
        ("Beatriz", "beatriz"),
        ("Tomás", "tomas"),
    ],
    surnames: &[
        ("García", "garcia"),
        ("Muñoz", "munoz"),
        ("Fernández", "fernandez"),
        ("da Conceição", "daconceicao"),
        ("López", "lopez"),
        ("Núñez", "nunez"),
        ("Oliveira", "oliveira"),
        ("Rodríguez", "rodriguez"),
        ("Sáez", "saez"),
    ],
    mobiles: &[("346", 8), ("5215", 9), ("35191", 7), ("55119", 8), ("5491", 9)],
};

const POLISH: Locale = Locale {
    share: 60,
    forenames: &[
        ("Łukasz", "lukasz"),
        ("Małgorzata", "malgorzata"),
        ("Jiří", "jiri"),
        ("Żaneta", "zaneta"),
        ("Jan", "jan"),
        ("Kateřina", "katerina"),
        ("Paweł", "pawel"),
        ("Zsófia", "zsofia"),
        ("Ștefan", "stefan"),
        ("Ewa", "ewa"),
    ],
    surnames: &[
        ("Wójcik", "wojcik"),
        ("Kowalski", "kowalski"),
        ("Dvořák", "dvorak"),
        ("Błaszczykowski", "blaszczykowski"),
        ("Nagy", "nagy"),
        ("Šťastný", "stastny"),
        ("Zieliński", "zielinski"),
        ("Popović", "popovic"),
    ],
    mobiles: &[("485", 8), ("4207", 8), ("3620", 7), ("407", 8)],
};

const NORDIC: Locale = Locale {
    share: 50,
    forenames: &[
        ("Åsa", "asa"),
        ("Søren", "soren"),
        ("Aino", "aino"),
        ("Þórdís", "thordis"),
        ("Lars", "lars"),
        ("Märta", "marta"),
    ],
    surnames: &[
        ("Ångström", "angstrom"),
        ("Hansen", "hansen"),
        ("Korhonen", "korhonen"),
        ("Sørensen", "sorensen"),
        ("Guðmundsdóttir", "gudmundsdottir"),
        ("Lindqvist", "lindqvist"),
        ("Bjørnstad", "bjornstad"),
    ],
    mobiles: &[("467", 8), ("45", 8), ("35840", 7), ("474", 7), ("354", 7)],
};

const TURKISH: Locale = Locale {
    share: 30,
    forenames: &[
        ("Ayşe", "ayse"),
        ("İbrahim", "ibrahim"),
        ("Nguyệt", "nguyet"),
        ("Çağla", "cagla"),
        ("Thị Hương", "thihuong"),
        ("Yiğit", "yigit"),
    ],
    surnames: &[
        ("Yılmaz", "yilmaz"),
        ("Öztürk", "ozturk"),
        ("Nguyễn", "nguyen"),
        ("Şahin", "sahin"),
        ("Trần", "tran"),
        ("Güneş", "gunes"),
    ],
    mobiles: &[("9053", 8), ("849", 8)],
};

const GREEK: Locale = Locale {
    share: 25,
    forenames: &[
        ("Γιώργος", "giorgos"),
        ("Ελένη", "eleni"),
        ("Κωνσταντίνος", "konstantinos"),
        ("Μαρία", "maria"),
        ("Αθηνά", "athina"),
    ],
    surnames: &[
        ("Παπαδόπουλος", "papadopoulos"),
        ("Νικολάου", "nikolaou"),
        ("Ιωάννου", "ioannou"),
        ("Ράπτη", "rapti"),
        ("Θεοδωρίδης", "theodoridis"),
    ],
    mobiles: &[("3069", 8), ("35799", 6)],
};

const RUSSIAN: Locale = Locale {
    share: 45,
    forenames: &[
        ("Дмитрий", "dmitry"),
        ("Анна", "anna"),
        ("Олександр", "oleksandr"),
        ("Екатерина", "ekaterina"),
        ("Иван", "ivan"),
        ("Ольга", "olga"),
        ("Благовест", "blagovest"),
    ],
    surnames: &[
        ("Иванов", "ivanov"),
        ("Смирнова", "smirnova"),
        ("Шевченко", "shevchenko"),
        ("Кузнецов", "kuznetsov"),
        ("Попова", "popova"),
        ("Димитров", "dimitrov"),
        ("Щербаков", "shcherbakov"),
    ],
    mobiles: &[("7916", 7), ("38067", 7), ("35988", 7)],
};

const ARABIC: Locale = Locale {
    share: 25,
    forenames: &[
        ("محمد", "mohammed"),
        ("فاطمة", "fatima"),
        ("عبد الله", "abdullah"),
        ("نور", "noor"),
        ("یاسمن", "yasaman"),
    ],
    surnames: &[
        ("الأنصاري", "alansari"),
        ("حسن", "hassan"),
        ("المنصوري", "almansoori"),
        ("خوري", "khoury"),
        ("رضایی", "rezaei"),
    ],
    mobiles: &[("97150", 7), ("9665", 8), ("201", 9)],
};

const HEBREW: Locale = Locale {
    share: 10,
    forenames: &[("נועה", "noa"), ("יוסף", "yosef"), ("תמר", "tamar"), ("דוד", "david")],
    surnames: &[("כהן", "cohen"), ("לוי", "levi"), ("מזרחי", "mizrahi"), ("פרידמן", "friedman")],
    mobiles: &[("97252", 7), ("97254", 7)],
};

const CHINESE: Locale = Locale {
    share: 35,
    forenames: &[
        ("伟", "wei"),
        ("秀英", "xiuying"),
        ("建國", "jianguo"),
        ("芳", "fang"),
        ("子轩", "zixuan"),
        ("美玲", "meiling"),
    ],
    surnames: &[
        ("王", "wang"),
        ("李", "li"),
        ("張", "zhang"),
        ("刘", "liu"),
        ("歐陽", "ouyang"),
        ("陈", "chen"),
    ],
    mobiles: &[("86138", 8), ("8529", 7), ("8869", 8)],
};

const JAPANESE: Locale = Locale {
    share: 20,
    forenames: &[
        ("陽菜", "hina"),
        ("太郎", "taro"),
        ("さくら", "sakura"),
        ("ケンジ", "kenji"),
        ("結衣", "yui"),
    ],
    surnames: &[
        ("佐藤", "sato"),
        ("鈴木", "suzuki"),
        ("髙橋", "takahashi"),
        ("渡邉", "watanabe"),
        ("小林", "kobayashi"),
    ],
    mobiles: &[("8190", 8), ("8180", 8)],
};

const KOREAN: Locale = Locale {
    share: 10,
    forenames: &[("서연", "seoyeon"), ("민준", "minjun"), ("지우", "jiwoo"), ("하은", "haeun")],
    surnames: &[("김", "kim"), ("이", "lee"), ("박", "park"), ("최", "choi"), ("정", "jung")],
    mobiles: &[("8210", 8)],
};

const SOUTH_ASIAN_AND_THAI: Locale = Locale {
    share: 20,
    forenames: &[
        ("आरव", "aarav"),
        ("प्रिया", "priya"),
        ("अनन्या", "ananya"),
        ("สมชาย", "somchai"),
        ("กนกวรรณ", "kanokwan"),
        ("राजेश", "rajesh"),
    ],
    surnames: &[
        ("शर्मा", "sharma"),
        ("सिंह", "singh"),
        ("गुप्ता", "gupta"),
        ("ศรีสุข", "srisuk"),
        ("วงศ์สวัสดิ์", "wongsawat"),
    ],
    mobiles: &[("9198", 8), ("668", 8)],
};
