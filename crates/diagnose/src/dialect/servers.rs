//! Messages of databases and web servers that do not start, and of clients that they refuse.

use super::{Wording, says};
use crate::code::Code;

pub(super) const WORDINGS: &[Wording] = &[
    // Failed logins as clients report them. A server's own log reports those of its clients.
    says!(
        LoginRefused,
        r#"(?i)(?:\bpq: |psql: error|psycopg|asyncpg|PSQLException|OperationalError|connection to server[^\n]*|SQLSTATE\[\w+\][^\n]*|pgx|failed SASL auth|PG::\w+: )[^\n]*(?:password authentication failed for user (?P<p>"[^"\n]+")|no pg_hba\.conf entry[^\n]*?user (?P<q>"[^"\n]+")|role (?P<r>"[^"\n]+") does not exist)"#,
        "the database refuses the login[ of {p}]",
        "see user, password and database name in the program's environment; a database in a volume keeps the password of its first \
         start, whatever POSTGRES_PASSWORD says now"
    ),
    says!(
        LoginRefused,
        r"(?:ERROR 1045[^\n]*|SQLSTATE[^\n]*\[1045\][^\n]*|Error 1045[^\n]*|OperationalError[^\n]*1045[^\n]*|SQLException: )Access denied for user (?P<p>'[^'\n]*'@'[^'\n]*')|ER_ACCESS_DENIED_ERROR|ER_NOT_SUPPORTED_AUTH_MODE|Host '(?P<q>[^'\n]+)' is not allowed to connect to this M",
        "the database refuses the login[ of {p}]",
        "see user, password and the host it is allowed from (GRANT … TO 'user'@'%'); a database in a volume keeps the password of its \
         first start, whatever MYSQL_PASSWORD says now"
    ),
    says!(
        LoginRefused,
        r"\bNOAUTH (?:Authentication required|HELLO must)|\bWRONGPASS \w+|ERR (?:invalid password|AUTH <password> called without any password)|Mongo\w*Error: (?:Authentication failed|bad auth|command \w+ requires authentication)|\(AuthenticationFailed\)|ACCESS_REFUSED - Login was refused|SASL(?:Authentication)?Exception: (?:Authentication failed|Invalid)|security_exception[^\n]*(?:missing authentication credentials|unable to authenticate)|Login failed for user '(?P<p>[^'\n]+)'",
        "the server refuses the login[ of {p}]",
        "see user and password in the program's environment, and that they are those that the server was given at its first start"
    ),
    // Data of another version, or damaged data.
    says!(
        DataUnusable,
        r"database files are incompatible with server|data directory was initialized by (?P<p>PostgreSQL version [\d.]+)|Invalid MySQL server (?:up|down)grade: (?P<q>[^\n]+)|Cannot (?:up|down)grade (?:server )?from (?:version )?(?P<r>\d[\d.]*)|Can't handle RDB format version (?P<s>\d+)|[Ii]nvalid featureCompatibilityVersion|incompatible with (?:this version|data files)[^\n]*(?:mongo|data)|cannot upgrade a node from version \[(?P<t>[^\]\n]+)\]|[Uu]pgrade is not supported after a crash|cannot (?:up|down)grade directly from[^\n]*|[Tt]he data (?:files|directory) (?:is|are|was|were)[^\n]*(?:newer|older|incompatible)[^\n]*",
        "the data in the volume is of another version of the program[ ({p})]",
        "start the version that made it (name the image's tag), dump and restore into the new one or upgrade step by step; without \
         data to keep, a new volume"
    ),
    says!(
        DataUnusable,
        r#"(?:initdb: error: )?directory "(?P<p>/[^"\n]+)" exists but is not empty|--initialize specified but the data directory has files in it|could not locate a valid checkpoint record|Bad file format reading the append only file|(?:Database page|Tablespace) corruption|database disk image is malformed|file is not a database|Unknown/unsupported storage engine|WiredTiger[^\n]*(?:metadata corruption|WT_PANIC|read checksum error)|short read or OOM loading DB|invalid data directory[^\n]*"#,
        "the data in the volume is damaged, or is none of this program's[: {p}]",
        "see what lies there (scratchdbg attach NAME -- ls -la DIRECTORY): lost+found of a whole disk, or another program's files; use \
         a folder below it (PGDATA), or bring back a copy"
    ),
    // Data that another process has locked.
    says!(
        DataInUse,
        r#"lock file "(?P<p>[^"\n]+)" already exists|Unable to lock (?:the lock file: )?(?P<q>[./]\S*ibdata\d*|/\S+\.lock)|\bDBPathInUse\b|lock DB directory: resource temporarily unavailable|failed to obtain node locks?, tried \[(?P<r>[^\]\n]+)\]|Could not get lock (?P<s>/\S+?)\.?(?:\s|$)|database is locked|SQLITE_BUSY|LOCK: (?:already held by process|Resource temporarily unavailable)|[Aa]nother (?:mongod|mysqld|postmaster|redis) (?:instance|process)[^\n]*running|Waiting for table metadata lock|Failed to acquire lock on file (?P<t>\S+)"#,
        "another process holds the data[: {p}]",
        "two containers on one volume: stop the other (docker ps --filter volume=NAME); a lock left behind by a crash is removed when \
         no other one runs"
    ),
    // Settings that a database requires at its first start.
    says!(
        ConfigMissing,
        r"(?i)database is uninitialized and (?:superuser )?password (?:option )?is not specified|you need to specify one of the following as an environment variable|must specify (?P<p>\w+_PASSWORD)\b|(?P<q>ACCEPT_EULA\S*) (?:must be|not set)|env(?:ironment)? var(?:iable)?s? [`'\x22]?(?P<r>[A-Z][A-Z0-9_]{2,})[`'\x22]?(?: is| are)? (?:not set|missing|required|not defined|must be set|undefined)|\b(?:[A-Z][A-Z0-9]*_[A-Z0-9_]+) must be set\b|(?:missing required|required) env(?:ironment)? var(?:iable)?s?:? [`'\x22]?(?P<s>[A-Z][A-Z0-9_]{2,})|(?P<t>\b[A-Z][A-Z0-9_]{3,}): (?:parameter not set|unbound variable|parameter null or not set)",
        "the program needs a variable that is not set[: {p}]",
        "set it: -e NAME=VALUE, --env-file FILE, environment: in the compose file; where it is a password, its _FILE form takes a \
         secret's path"
    ),
    // Missing or invalid configuration.
    says!(
        ConfigMissing,
        r#"\[emerg\][^\n]*(?:open\(\) "(?P<p>[^"\n]+)" failed \(2: No such file|cannot load certificate(?: key)? "(?P<q>[^"\n]+)": [^\n]*No such file)|(?i:can't open config file|Fatal error, can't open config file|[Cc]onfig(?:uration)? file [`'"]?(?P<r>/[^\s'"`:]+)[`'"]? (?:does not exist|not found|is missing))|(?:could not|couldn't|failed to|unable to|cannot) (?:load|read|open|find|access)(?: the)? (?:server )?config(?:uration)?(?: file)?[^\n]*?(?P<s>/[^\s'"`:,]+)[^\n]*no such file"#,
        "a configuration file or certificate of the program is not there[: {p}]",
        "see that it is in the image or mounted at that path (scratchdbg attach NAME -- ls -la); a mount from a source that does not \
         exist makes an empty directory there"
    ),
    says!(
        ConfigInvalid,
        r#"\[emerg\][^\n]*?(?P<p>unknown directive "[^"\n]*"[^\n]*|unexpected "[^"\n]*"[^\n]*|unexpected end of (?:file|parameter)[^\n]*|invalid number of arguments[^\n]*|"[\w ]+" directive (?:is not allowed|is duplicate|invalid)[^\n]*|invalid (?:parameter|value|port|host|URL)[^\n]*|unknown "\w+" variable|SSL_CTX_use_PrivateKey\([^\n]*key values mismatch[^\n]*|directive "[^"\n]+" is not terminated[^\n]*)|nginx: configuration file (?P<q>\S+) test failed"#,
        "nginx does not understand its configuration: {p}",
        "mend that line; nginx -t checks it. Where a template was to be filled in, see that its variable is set"
    ),
    says!(
        ConfigInvalid,
        r"adapting config using \w+: (?P<p>[^\n]+)|(?P<q>[Uu]nrecognized directive: \S+)|FATAL CONFIG FILE ERROR[^\n]*|Bad directive or wrong number of arguments|(?P<r>Syntax error on line \d+ of [^\s:]+)|(?P<s>Invalid command '[^'\n]+', perhaps misspelled)|\[ALERT\][^\n]*(?P<t>: parsing \[[^\n]+unknown keyword[^\n]*)",
        "the server does not understand its configuration[: {p}]",
        "mend the line that it names, or see that this version of the server and its modules know the option"
    ),
    says!(
        ConfigInvalid,
        r#"(?P<p>Unrecognized VM option '[^'\n]+'|unknown variable '[^'\n]+'|unrecognized configuration parameter "[^"\n]+"|invalid value for parameter "[^"\n]+"[^\n]*|yaml: unmarshal errors:[^\n]*|field \w+ not found in type \w[\w.]*|Protobuf message \([^\n]*(?:has unknown fields|INVALID_ARGUMENT)[^\n]*|no such field: '[^'\n]+'|unknown (?:setting|configuration (?:key|option|setting)|option|parameter):? \[?['"`][^\n]+|[Cc]onfiguration file[^\n]*(?:syntax error|is invalid|contains errors)[^\n]*)"#,
        "the program does not understand its configuration: {p}",
        "see the option's spelling, and whether this version of the program (the image's tag) still knows it"
    ),
    says!(
        ConfigInvalid,
        r"(?P<p>\byaml: line \d+: [^\n]+|yaml\.(?:scanner|parser)\.\w+Error[^\n]*|YAMLException: [^\n]+|toml: line \d+[^\n]*|TOML parse error at line[^\n]*|(?:json\.decoder\.)?JSONDecodeError: [^\n]+|invalid character '[^'\n]+' (?:looking for|after|in string)[^\n]*|SyntaxError: Unexpected (?:token|end of JSON)[^\n]*JSON[^\n]*)",
        "a file that is read as YAML, TOML or JSON is none: {p}",
        "mend the line: indentation by blanks alone, quotes around what has a colon, no comma at the end in JSON; an empty file or \
         an HTML answer in its place says the same"
    ),
];
