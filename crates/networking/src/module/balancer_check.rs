//! Are a load balancer's settings right? And if not: what to write instead.

use cloud::Findings;

use super::wiring::Subnets;
use crate::settings::{Http, LoadBalancer, SSL_POLICY};

/// Says what is wrong with the settings; answers what port 80 does.
pub(super) fn check(key: &str, wanted: &LoadBalancer, subnets: &Subnets, findings: &mut Findings) -> Http {
    let tls = wanted.certificate.is_some();
    let http = wanted.http.unwrap_or(if tls { Http::Redirect } else { Http::Forward });
    if !tls && http != Http::Forward {
        let word = if http == Http::Off { "off" } else { "redirect" };
        let message = format!("`http = \"{word}\"` leaves nothing to speak: without a certificate there is no HTTPS");
        let hint = "write `http = \"forward\"`, or add `certificate = { domain = \"api.example.com\" }`";
        findings.error("http-without-certificate", format!("{key}.http"), message).hint(hint);
    }
    if !(1..=4000).contains(&wanted.idle_timeout) {
        let message = format!("{} seconds: AWS takes 1 to 4000", wanted.idle_timeout);
        findings.error("idle-timeout", format!("{key}.idle-timeout"), message).hint("write `idle-timeout = 60`");
    }
    if tls && !SSL_POLICIES.contains(&wanted.ssl_policy.as_str()) {
        let message = format!("`{}` is no security policy known here", wanted.ssl_policy);
        let near = schema::closest(&wanted.ssl_policy, SSL_POLICIES.iter().copied()).unwrap_or(SSL_POLICY);
        let finding = findings.warning("ssl-policy", format!("{key}.ssl-policy"), message);
        finding.hint(format!("did you mean `{near}`?"));
    }
    for (index, range) in wanted.allow.iter().enumerate() {
        if range.parse::<ipnet::IpNet>().is_err() {
            let message = format!("`{range}` is not an address range");
            let finding = findings.error("cidr-syntax", format!("{key}.allow.{index}"), message);
            finding.hint("write an address and the length of its prefix, such as `203.0.113.0/24`");
        }
    }
    let (tier, zones) = match wanted.internal {
        true => ("private", subnets.private.len()),
        false => ("public", subnets.public.len()),
    };
    if zones < 2 {
        let message = format!("a load balancer lives in {tier} subnets of at least two zones; there are {zones}");
        let hint = format!("add `networking.{tier}` subnets in two zones");
        findings.error("load-balancer-subnets", key, message).hint(hint);
    }
    http
}

/// Labels of letters, digits and hyphens, at least two; the first may be `*`.
pub(super) fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let rest = name.strip_prefix("*.").unwrap_or(name);
    rest.contains('.') && name.len() <= 253 && rest.split('.').all(label)
}

/// The predefined security policies of application load balancers, from the Elastic Load Balancing user guide.
const SSL_POLICIES: &[&str] = &[
    "ELBSecurityPolicy-2016-08",
    "ELBSecurityPolicy-FS-2018-06",
    "ELBSecurityPolicy-FS-1-1-2019-08",
    "ELBSecurityPolicy-FS-1-2-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2019-08",
    "ELBSecurityPolicy-FS-1-2-Res-2020-10",
    "ELBSecurityPolicy-TLS-1-0-2015-04",
    "ELBSecurityPolicy-TLS-1-1-2017-01",
    "ELBSecurityPolicy-TLS-1-2-2017-01",
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06",
    "ELBSecurityPolicy-TLS13-1-0-2021-06",
    "ELBSecurityPolicy-TLS13-1-1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06",
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
    "ELBSecurityPolicy-TLS13-1-3-2021-06",
    "ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
    "ELBSecurityPolicy-TLS13-1-0-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
    "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_told_from_other_texts() {
        for good in ["api.example.com", "*.example.com", "a-1.b2.example"] {
            assert!(is_domain(good), "{good}");
        }
        for bad in ["", "localhost", "https://a.b", "a..b", "-a.b", "a.*.b", "a b.c", "a.b/"] {
            assert!(!is_domain(bad), "{bad}");
        }
    }
}
