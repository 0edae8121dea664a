//! Are zones and address ranges right? And if not: what to write instead.

use std::net::Ipv4Addr;

use cloud::Findings;
use ipnet::Ipv4Net;

use crate::settings::{Nat, Settings, Zones};

/// The shortest and the longest prefix that AWS allows, for VPCs and subnets alike.
const PREFIXES: std::ops::RangeInclusive<u8> = 16..=28;

/// The tiers with their ranges, in the order in which they are declared.
pub(super) fn tiers(settings: &Settings) -> [(&'static str, &[String]); 4] {
    [
        ("public", &settings.public),
        ("private", &settings.private),
        ("database", &settings.database),
        ("intra", &settings.intra),
    ]
}

/// The letters of the zones, as far as they are right.
pub(super) fn zones(settings: &Settings, findings: &mut Findings) -> Vec<String> {
    let letters = match &settings.zones {
        Zones::Count(count @ 1..=6) => {
            return (b'a'..b'a' + count).map(|letter| char::from(letter).to_string()).collect();
        }
        Zones::Count(count) => {
            let message = format!("{count} availability zones; AWS regions have 2 to 6");
            findings.error("zones", "networking.zones", message).hint("write `zones = 2`");
            return vec!["a".to_owned(), "b".to_owned()];
        }
        Zones::Letters(letters) => letters,
    };
    if letters.is_empty() {
        let message = "no availability zone";
        findings.error("zones", "networking.zones", message).hint("write `zones = 2`, or `zones = [\"a\", \"b\"]`");
    }
    for (index, letter) in letters.iter().enumerate() {
        let key = format!("networking.zones.{index}");
        if !matches!(letter.as_bytes(), [b'a'..=b'z']) {
            let finding = findings.error("zones", key, format!("`{letter}` is not the letter of an availability zone"));
            match letter.chars().last().filter(char::is_ascii_lowercase) {
                Some(last) => finding.hint(format!("write the letter only: `\"{last}\"`")),
                None => finding.hint("write a letter such as `\"a\"`"),
            };
        } else if letters[..index].contains(letter) {
            findings.error("zones", key, format!("zone `{letter}` is listed twice")).hint("leave one of them out");
        }
    }
    letters.clone()
}

/// Checks everything about ranges and ways out.
pub(super) fn check(settings: &Settings, zones: &[String], findings: &mut Findings) {
    let vpc = range("networking.cidr", &settings.cidr, "10.0.0.0/16", findings);
    let mut plan = Plan::new(settings, vpc);
    for (tier, ranges) in tiers(settings) {
        for (index, text) in ranges.iter().enumerate() {
            plan.check_subnet(format!("networking.{tier}.{index}"), text, findings);
        }
        plan.check_count(tier, ranges, zones.len(), findings);
    }
    let (nat, public) = (settings.nat != Nat::None, !settings.public.is_empty());
    if nat && !public {
        let free: Vec<String> = zones.iter().filter_map(|_| plan.free(24)).map(|net| format!("\"{net}\"")).collect();
        let message = "a NAT gateway lives in a public subnet, and there is none";
        let hint = format!("add `public = [{}]`, or write `nat = \"none\"`", free.join(", "));
        findings.error("nat-without-public-subnets", "networking.nat", message).hint(hint);
    }
    if nat && settings.private.is_empty() {
        let message = "nothing goes through NAT: there are no private subnets";
        findings
            .warning("nat-unused", "networking.nat", message)
            .hint("write `nat = \"none\"`: a NAT gateway costs about 33 USD a month");
    }
}

/// An IPv4 range that AWS takes, else a finding.
fn range(key: &str, text: &str, example: &str, findings: &mut Findings) -> Option<Ipv4Net> {
    let Ok(net) = text.parse::<Ipv4Net>() else {
        let message = format!("`{text}` is not an IPv4 range");
        let hint = match text.parse::<Ipv4Addr>() {
            Ok(address) => format!("add the length of its prefix: `{address}/24`"),
            Err(_) => format!("write an address and the length of its prefix, such as `{example}`"),
        };
        findings.error("cidr-syntax", key, message).hint(hint);
        return None;
    };
    if net.trunc() != net {
        let message = format!("`{net}` has bits set behind its prefix");
        findings.error("cidr-syntax", key, message).hint(format!("write `{}`", net.trunc()));
    }
    if !PREFIXES.contains(&net.prefix_len()) {
        let message = format!("`{net}`: AWS takes prefixes from /16 to /28");
        let nearest = net.prefix_len().clamp(*PREFIXES.start(), *PREFIXES.end());
        let hint =
            Ipv4Net::new(net.addr(), nearest).map(|near| format!("write `{}`", near.trunc())).unwrap_or_default();
        findings.error("cidr-size", key, message).hint(hint);
        return None;
    }
    Some(net.trunc())
}

/// The ranges in use while they are checked.
struct Plan {
    vpc: Option<Ipv4Net>,
    /// Those found right so far, with their keys.
    right: Vec<(String, Ipv4Net)>,
    /// All that can be read, and those suggested: what no suggestion may meet.
    taken: Vec<Ipv4Net>,
}

impl Plan {
    fn new(settings: &Settings, vpc: Option<Ipv4Net>) -> Self {
        let all = tiers(settings).into_iter().flat_map(|(_, ranges)| ranges);
        let taken = all.filter_map(|text| text.parse::<Ipv4Net>().ok()).map(|net| net.trunc()).collect();
        Self { vpc, right: Vec::new(), taken }
    }

    /// A free range of the VPC; it counts as taken from now on.
    fn free(&mut self, prefix: u8) -> Option<Ipv4Net> {
        let vpc = self.vpc?;
        let free =
            vpc.subnets(prefix.max(vpc.prefix_len())).ok()?.find(|net| !self.taken.iter().any(|t| overlap(t, net)));
        self.taken.extend(free);
        free
    }

    fn hint(&mut self, prefix: u8) -> String {
        match self.free(prefix) {
            Some(free) => format!("`{free}` is free"),
            None => format!("no /{prefix} is free in the VPC: make `networking.cidr` larger, or the subnets smaller"),
        }
    }

    fn check_subnet(&mut self, key: String, text: &str, findings: &mut Findings) {
        let Some(net) = range(&key, text, "10.0.1.0/24", findings) else { return };
        let prefix = net.prefix_len();
        if let Some(vpc) = self.vpc.filter(|vpc| !vpc.contains(&net)) {
            let message = format!("`{net}` is not within the VPC's range `{vpc}`");
            let hint = self.hint(prefix.max(vpc.prefix_len() + 1));
            findings.error("cidr-outside-vpc", key, message).hint(hint);
            return;
        }
        if let Some((other, theirs)) = self.right.iter().find(|(_, right)| overlap(right, &net)) {
            let message = format!("`{net}` overlaps `{theirs}` of `{other}`");
            let hint = self.hint(prefix);
            findings.error("cidr-overlap", key, message).hint(hint);
            return;
        }
        self.right.push((key, net));
    }

    fn check_count(&mut self, tier: &str, ranges: &[String], zones: usize, findings: &mut Findings) {
        if ranges.is_empty() || ranges.len() == zones || zones == 0 {
            return;
        }
        let message = format!(
            "{} for {}: every tier has one subnet in each zone",
            count(ranges.len(), "range"),
            count(zones, "zone")
        );
        let hint = if ranges.len() > zones {
            format!("write `zones = {}`, or leave out {}", ranges.len(), count(ranges.len() - zones, "range"))
        } else {
            let prefix = ranges.last().and_then(|text| text.parse::<Ipv4Net>().ok()).map_or(24, |net| net.prefix_len());
            let free: Vec<String> =
                (ranges.len()..zones).filter_map(|_| self.free(prefix)).map(|net| format!("\"{net}\"")).collect();
            match free.len() {
                0 => format!("no /{prefix} is free in the VPC: make `networking.cidr` larger"),
                _ => format!("add {}, or write `zones = {}`", free.join(", "), ranges.len()),
            }
        };
        findings.error("subnets-per-zone", format!("networking.{tier}"), message).hint(hint);
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// Two ranges overlap if one holds the other: their borders are powers of two.
fn overlap(one: &Ipv4Net, other: &Ipv4Net) -> bool {
    one.contains(other) || other.contains(one)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Key, rule, message and hint of what is found.
    fn found(settings: Value) -> Vec<(String, String, String, String)> {
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let mut findings = Findings::default();
        let zones = zones(&settings, &mut findings);
        check(&settings, &zones, &mut findings);
        let found = findings.0.into_iter();
        found.map(|f| (f.key.unwrap(), f.rule, f.message, f.hint.unwrap_or_default())).collect()
    }

    #[test]
    fn the_documented_network_is_right() {
        let freeside = json!({
            "cidr": "10.0.0.0/16",
            "private": ["10.0.1.0/24", "10.0.2.0/24"],
            "public": ["10.0.101.0/24", "10.0.102.0/24"],
            "nat": "single",
        });
        assert_eq!(found(freeside), []);
    }

    #[test]
    fn each_mistake_names_its_key_and_what_to_write() {
        let cases = [
            (json!({ "cidr": "10.0.0.0" }), "networking.cidr", "cidr-syntax", "`10.0.0.0/24`"),
            (json!({ "cidr": "ten" }), "networking.cidr", "cidr-syntax", "`10.0.0.0/16`"),
            (json!({ "cidr": "10.0.7.0/16" }), "networking.cidr", "cidr-syntax", "write `10.0.0.0/16`"),
            (json!({ "cidr": "10.0.0.0/8" }), "networking.cidr", "cidr-size", "write `10.0.0.0/16`"),
            (
                json!({ "private": ["10.0.1.0/24", "10.1.2.0/24"] }),
                "networking.private.1",
                "cidr-outside-vpc",
                "`10.0.0.0/24` is free",
            ),
            (
                json!({ "private": ["10.0.0.0/24", "10.0.1.0/24"], "public": ["10.0.2.0/24", "10.0.3.0/24"], "intra": ["10.0.4.0/24", "10.0.3.128/25"] }),
                "networking.intra.1",
                "cidr-overlap",
                "`10.0.5.0/25` is free",
            ),
            (
                json!({ "private": ["10.0.1.0/24", "10.0.2.0/30"] }),
                "networking.private.1",
                "cidr-size",
                "write `10.0.2.0/28`",
            ),
            (json!({ "private": ["10.0.1.0/24"] }), "networking.private", "subnets-per-zone", "add \"10.0.0.0/24\""),
            (
                json!({ "zones": 2, "private": ["10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"] }),
                "networking.private",
                "subnets-per-zone",
                "write `zones = 3`",
            ),
            (
                json!({ "nat": "single", "private": ["10.0.0.0/24", "10.0.1.0/24"] }),
                "networking.nat",
                "nat-without-public-subnets",
                "public = [\"10.0.2.0/24\", \"10.0.3.0/24\"]",
            ),
            (
                json!({ "nat": "single", "public": ["10.0.0.0/24", "10.0.1.0/24"] }),
                "networking.nat",
                "nat-unused",
                "`nat = \"none\"`",
            ),
            (json!({ "zones": 9 }), "networking.zones", "zones", "`zones = 2`"),
            (json!({ "zones": ["a", "us-east-1b"] }), "networking.zones.1", "zones", "`\"b\"`"),
            (json!({ "zones": ["a", "a"] }), "networking.zones.1", "zones", "leave one"),
        ];
        for (settings, key, rule, hint) in cases {
            let all = found(settings.clone());
            assert_eq!(all.len(), 1, "{settings}: {all:?}");
            let (k, r, _, h) = &all[0];
            assert_eq!((k.as_str(), r.as_str()), (key, rule), "{settings}");
            assert!(h.contains(hint), "{settings}: {h}");
        }
    }

    #[test]
    fn two_suggestions_never_meet() {
        let all = found(json!({ "private": ["10.9.1.0/24", "10.9.2.0/24"] }));
        assert_eq!(all[0].3, "`10.0.0.0/24` is free");
        assert_eq!(all[1].3, "`10.0.1.0/24` is free");
    }

    #[test]
    fn a_full_vpc_says_so() {
        let all = found(
            json!({ "cidr": "10.0.0.0/24", "private": ["10.0.0.0/25", "10.0.0.128/25"], "public": ["10.0.0.0/25", "10.0.1.0/25"] }),
        );
        assert!(all.iter().all(|(_, _, _, hint)| hint.starts_with("no /25 is free")), "{all:?}");
        assert_eq!(all.len(), 2);
    }
}
