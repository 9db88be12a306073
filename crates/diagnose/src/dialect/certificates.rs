//! Invalid certificates, whatever the authority.

use super::{Wording, says};
use crate::code::Code;

pub(super) const WORDINGS: &[Wording] = &[
    says!(
        CertificateInvalid,
        r"(?i)x509: certificate relies on legacy Common Name",
        "the other side's certificate names its host in the old way alone (Common Name), and has no subject alternative name",
        "have it made anew with its names among the subject alternative names (openssl req -addext subjectAltName=DNS:NAME)"
    ),
    says!(
        CertificateInvalid,
        r"(?i)x509: certificate (?P<p>has expired or is not yet valid)|certificate(?: verify failed[^\n]*)?[: ]+(?:is |has )?(?P<q>expired|not yet valid)\b|\bCERT_(?:HAS_EXPIRED|NOT_YET_VALID)\b|certificate verify failed[^\n]*(?P<r>has expired|is not yet valid)|(?:CertificateExpiredException|CertificateNotYetValidException)|sslv3 alert certificate expired|certificateexpired|invalid peer certificate: (?:Expired|NotValidYet)|is not valid yet \(invalid for another [^)\n]+\)",
        "the other side's certificate is expired, or not yet valid by this machine's clock",
        "see its dates (openssl s_client -connect HOST:443 </dev/null | openssl x509 -noout -dates) and the clock here (date -u): a \
         clock that is wrong says the same; then have the certificate renewed"
    ),
    says!(
        CertificateInvalid,
        r"(?i)x509: certificate is (?:not )?valid for (?P<p>[^\n]+)|x509: cannot validate certificate for (?P<q>\S+) because|x509: certificate is not valid for any names|no alternative certificate subject name matches(?: target host ?name '(?P<r>[^'\n]+)')?|ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames|certificate verify failed: (?:Hostname|IP address) mismatch|No subject alternative (?:DNS )?names? (?:matching|present)|invalid peer certificate: NotValidForName|RemoteCertificateNameMismatch|hostname \S+ does not match the server certificate|server certificate for \S+ does not match host name",
        "the other side's certificate is made out to another name than the one that is asked for[ ({p})]",
        "ask for it by a name that the certificate has, or have one made with that name among its subject alternative names"
    ),
];
