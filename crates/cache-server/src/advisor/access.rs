//! Who can reach the service, and by what.

use std::net::IpAddr;

use super::{Advice, Situation};

/// For how many days ahead a certificate's end is told.
const DAYS_AHEAD: i64 = 30;
const SECONDS_A_DAY: i64 = 86_400;

/// On an address that others reach, anybody may read, and nobody but the machine itself may change something.
pub(super) fn no_token(situation: &Situation<'_>) -> Option<Advice> {
    let service = &situation.settings.service;
    (is_public(&service.listen) && service.access_token.is_none()).then(|| {
        let text = format!(
            "listen is {}, which others can reach, and there is no access_token: anybody may read market data and spend quotas, \
             and only this machine may change something; set CACHE_ACCESS_TOKEN, or listen on 127.0.0.1",
            service.listen
        );
        Advice::new("listen", text)
    })
}

/// A token that is sent without TLS is anybody's on the way.
pub(super) fn token_without_tls(situation: &Situation<'_>) -> Option<Advice> {
    let settings = situation.settings;
    let is_sent = is_public(&settings.service.listen) && settings.service.access_token.is_some();
    (is_sent && settings.tls.certificate.is_none()).then(|| {
        let text = format!(
            "access_token is set, listen is {}, and there is no tls.certificate: the token goes over the network for anybody on the \
             way to read; give tls.certificate and tls.key, or listen on 127.0.0.1 behind a proxy that serves by TLS",
            settings.service.listen
        );
        Advice::new("access_token", text)
    })
}

/// Clients refuse a certificate from its end on.
pub(super) fn certificate_ends(situation: &Situation<'_>) -> Option<Advice> {
    let (ends, now) = (situation.machine.certificate_ends?, situation.machine.now);
    let remedy = "renew it, and reload (SIGHUP or POST /v1/config/reload)";
    let said = match (ends - now).div_euclid(SECONDS_A_DAY) {
        past if past < 0 => format!("the certificate ended {} ago, and clients refuse it", days(-past)),
        left if left < DAYS_AHEAD => {
            format!("the certificate ends in {}, and clients will refuse it", days(left))
        }
        _ => return None,
    };
    let path = situation.settings.tls.certificate.as_ref()?.display();
    Some(Advice::new("tls.certificate", format!("tls.certificate is {path}: {said}; {remedy}")))
}

fn days(days: i64) -> String {
    match days {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// Whether an address can be reached by others than this machine. A name is taken for one that can, but localhost.
pub(super) fn is_public(listen: &str) -> bool {
    let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(address) => !address.to_canonical().is_loopback(),
        Err(_) => !host.eq_ignore_ascii_case("localhost"),
    }
}
