//! `AWS::ElasticLoadBalancingV2::Listener`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-listener.html>.

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::{
    Certificate as SdkCertificate, Listener as SdkListener, MutualAuthenticationAttributes, ProtocolEnum,
};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::ec2::Soon;
use crate::elb;
use crate::listener_action::{self, Action};

/// A port of a load balancer, and what happens to what comes in there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Listener {
    /// The load balancer.
    pub load_balancer_arn: Option<String>,
    /// The port.
    pub port: Option<i64>,
    /// `HTTP`, `HTTPS`, `TCP`, `TLS`, `UDP` or `TCP_UDP`.
    pub protocol: Option<String>,
    /// The certificate, for `HTTPS` and `TLS`: exactly one.
    pub certificates: Option<Vec<ListenerCertificate>>,
    /// The security policy: which TLS versions and ciphers.
    pub ssl_policy: Option<String>,
    /// What happens to what no rule takes.
    pub default_actions: Option<Vec<Action>>,
    /// The ALPN policy, for `TLS`.
    pub alpn_policy: Option<Vec<String>>,
    /// Whether clients show certificates.
    pub mutual_authentication: Option<MutualAuthentication>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// A certificate by its ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ListenerCertificate {
    /// The ARN.
    pub certificate_arn: Option<String>,
}

/// Whether clients show certificates, and how they are checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct MutualAuthentication {
    /// `off`, `passthrough` or `verify`.
    pub mode: Option<String>,
    /// The trust store to verify with.
    pub trust_store_arn: Option<String>,
    /// Whether expired client certificates pass.
    pub ignore_client_certificate_expiry: Option<bool>,
    /// Whether the trusted authorities are told to clients: `on` or `off`.
    pub advertise_trust_store_ca_names: Option<String>,
}

impl Resource for Listener {
    const TYPE: &'static str = "AWS::ElasticLoadBalancingV2::Listener";
    const NEEDS_READY: &'static [&'static str] = &["Certificates"];
    const HOLDS: &'static [&'static str] = &["DefaultActions"];

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "elasticloadbalancing:CreateListener";
        let made = cx
            .client(Client::new)
            .create_listener()
            .set_load_balancer_arn(self.load_balancer_arn.clone())
            .set_port(self.port.map(elb::small).transpose()?)
            .set_protocol(self.protocol.as_deref().map(ProtocolEnum::from))
            .set_certificates(sdk_certificates(&self.certificates))
            .set_ssl_policy(self.ssl_policy.clone())
            .set_default_actions(listener_action::to_sdk(&self.default_actions)?)
            .set_alpn_policy(self.alpn_policy.clone())
            .set_mutual_authentication(self.mutual_authentication.as_ref().map(sdk_mutual))
            .set_tags(elb::tags_for_create(&self.tags, cx))
            .send()
            .await
            .aws(action)
            .soon()?;
        let made = made.listeners.unwrap_or_default();
        made.first().and_then(created).ok_or_else(|| Failure::missing(action, "ListenerArn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let change = self.change(live);
        if change != Self::default() {
            cx.client(Client::new)
                .modify_listener()
                .listener_arn(id)
                .set_port(change.port.map(elb::small).transpose()?)
                .set_protocol(change.protocol.as_deref().map(ProtocolEnum::from))
                .set_certificates(sdk_certificates(&change.certificates))
                .set_ssl_policy(change.ssl_policy)
                .set_default_actions(listener_action::to_sdk(&change.default_actions)?)
                .set_alpn_policy(change.alpn_policy)
                .set_mutual_authentication(change.mutual_authentication.as_ref().map(sdk_mutual))
                .send()
                .await
                .aws("elasticloadbalancing:ModifyListener")?;
        }
        elb::sync_tags(id, &self.tags, Some(&live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let arns: Vec<String> = found.iter().filter_map(|listener| listener.listener_arn.clone()).collect();
        let mut tags = elb::live_tags(&arns, cx).await?;
        Ok(ids
            .iter()
            .map(|id| {
                let listener = found.iter().find(|listener| listener.listener_arn() == Some(id))?;
                Some(live(listener, tags.remove(id)))
            })
            .collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_listener().listener_arn(id).send();
        call.await.aws("elasticloadbalancing:DeleteListener").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let call = cx.client(Client::new).describe_listeners().set_load_balancer_arn(self.load_balancer_arn.clone());
        let found = call.send().await.aws("elasticloadbalancing:DescribeListeners").absent()?;
        let found = found.and_then(|answer| answer.listeners).unwrap_or_default();
        let at_port = found.iter().find(|listener| listener.port.map(i64::from) == self.port);
        let made = elb::is_made(at_port.and_then(SdkListener::listener_arn), cx).await?;
        Ok(at_port.filter(|_| made).and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        elb::id_of_arn(arn, "listener/")
    }
}

impl Listener {
    /// What must change, and nothing else. Without TLS there is nothing of TLS to give up: AWS drops it with the protocol.
    fn change(&self, live: &Self) -> Self {
        fn differing<T: PartialEq + Clone>(wanted: &Option<T>, live: &Option<T>) -> Option<T> {
            wanted.clone().filter(|wanted| Some(wanted) != live.as_ref())
        }
        let off = || MutualAuthentication { mode: Some("off".to_owned()), ..MutualAuthentication::default() };
        let mutual = match (&self.mutual_authentication, &live.mutual_authentication) {
            (None, Some(had)) if had.mode.as_deref() != Some("off") && self.certificates.is_some() => Some(off()),
            (wanted, had) => differing(wanted, had),
        };
        let alpn = match (&self.alpn_policy, &live.alpn_policy) {
            (None, Some(had)) if !had.is_empty() && self.certificates.is_some() => Some(vec!["None".to_owned()]),
            (wanted, had) => differing(wanted, had),
        };
        Self {
            port: differing(&self.port, &live.port),
            protocol: differing(&self.protocol, &live.protocol),
            certificates: differing(&self.certificates, &live.certificates),
            ssl_policy: differing(&self.ssl_policy, &live.ssl_policy),
            default_actions: self
                .default_actions
                .clone()
                .filter(|_| !listener_action::same(&self.default_actions, &live.default_actions)),
            alpn_policy: alpn,
            mutual_authentication: mutual,
            ..Self::default()
        }
    }
}

fn sdk_certificates(certificates: &Option<Vec<ListenerCertificate>>) -> Option<Vec<SdkCertificate>> {
    let sdk =
        |one: &ListenerCertificate| SdkCertificate::builder().set_certificate_arn(one.certificate_arn.clone()).build();
    certificates.as_ref().map(|list| list.iter().map(sdk).collect())
}

fn sdk_mutual(mutual: &MutualAuthentication) -> MutualAuthenticationAttributes {
    MutualAuthenticationAttributes::builder()
        .set_mode(mutual.mode.clone())
        .set_trust_store_arn(mutual.trust_store_arn.clone())
        .set_ignore_client_certificate_expiry(mutual.ignore_client_certificate_expiry)
        .set_advertise_trust_store_ca_names(mutual.advertise_trust_store_ca_names.as_deref().map(Into::into))
        .build()
}

/// Those of the listeners that are there.
async fn describe(arns: &[String], cx: &Context) -> Result<Vec<SdkListener>, Failure> {
    let action = "elasticloadbalancing:DescribeListeners";
    let client = cx.client(Client::new);
    let ask = |arns: &[String]| {
        let call = client.describe_listeners().set_listener_arns(Some(arns.to_vec()));
        async { Ok(call.send().await.aws(action).absent()?.map(|answer| answer.listeners.unwrap_or_default())) }
    };
    if let Some(all) = ask(arns).await? {
        return Ok(all);
    }
    // One of them is gone, and AWS answers for none: ask for each.
    let each = try_join_all(arns.iter().map(|arn| ask(std::slice::from_ref(arn)))).await?;
    Ok(each.into_iter().flatten().flatten().collect())
}

fn created(listener: &SdkListener) -> Option<Created> {
    let arn = listener.listener_arn()?;
    Some(Created::new(arn).with("ListenerArn", arn))
}

fn live(listener: &SdkListener, tags: Option<Vec<Tag>>) -> Live<Listener> {
    let certificates = listener.certificates.as_ref().map(|list| {
        let plain = |one: &SdkCertificate| ListenerCertificate { certificate_arn: one.certificate_arn.clone() };
        list.iter().map(plain).collect()
    });
    let mutual = listener.mutual_authentication.as_ref().map(|mutual| MutualAuthentication {
        mode: mutual.mode.clone(),
        trust_store_arn: mutual.trust_store_arn.clone(),
        ignore_client_certificate_expiry: mutual.ignore_client_certificate_expiry,
        advertise_trust_store_ca_names: mutual.advertise_trust_store_ca_names.as_ref().map(ToString::to_string),
    });
    let properties = Listener {
        load_balancer_arn: listener.load_balancer_arn.clone(),
        port: listener.port.map(i64::from),
        protocol: listener.protocol.as_ref().map(ToString::to_string),
        certificates,
        ssl_policy: listener.ssl_policy.clone(),
        default_actions: listener_action::from_sdk(listener.default_actions.clone()),
        alpn_policy: listener.alpn_policy.clone(),
        mutual_authentication: mutual,
        tags,
    };
    let attributes = created(listener).map(|created| created.attributes).unwrap_or_default();
    Live { properties, attributes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https() -> Listener {
        Listener {
            load_balancer_arn: Some("lb".into()),
            port: Some(443),
            protocol: Some("HTTPS".into()),
            certificates: Some(vec![ListenerCertificate { certificate_arn: Some("cert".into()) }]),
            ssl_policy: Some("ELBSecurityPolicy-TLS13-1-2-2021-06".into()),
            default_actions: Some(vec![Action::forward("api")]),
            ..Listener::default()
        }
    }

    #[test]
    fn a_live_listener_reads_as_declared() {
        let declared = https();
        let sdk = SdkListener::builder()
            .listener_arn("arn")
            .load_balancer_arn("lb")
            .port(443)
            .protocol(ProtocolEnum::Https)
            .set_certificates(sdk_certificates(&declared.certificates))
            .ssl_policy("ELBSecurityPolicy-TLS13-1-2-2021-06")
            .set_default_actions(listener_action::to_sdk(&declared.default_actions).unwrap())
            .build();
        let live = live(&sdk, None);
        assert_eq!(live.properties, declared);
        assert_eq!(live.attributes["ListenerArn"], "arn");
    }

    #[test]
    fn only_what_differs_changes() {
        assert_eq!(https().change(&https()), Listener::default());
        let wanted = Listener { default_actions: Some(vec![Action::forward("web")]), ..https() };
        let expected = Listener { default_actions: wanted.default_actions.clone(), ..Listener::default() };
        assert_eq!(wanted.change(&https()), expected);
    }

    #[test]
    fn giving_up_mutual_authentication_turns_it_off() {
        let verify = MutualAuthentication { mode: Some("verify".into()), ..MutualAuthentication::default() };
        let live = Listener { mutual_authentication: Some(verify), ..https() };
        let mode = |listener: Listener| listener.mutual_authentication.and_then(|mutual| mutual.mode);
        assert_eq!(mode(https().change(&live)).as_deref(), Some("off"));
        assert_eq!(mode(live.change(&live)), None);
    }
}
