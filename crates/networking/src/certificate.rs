//! `AWS::CertificateManager::Certificate`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-certificatemanager-certificate.html>.

use aws_sdk_acm::Client;
use aws_sdk_acm::types::{
    CertificateDetail, CertificateExport, CertificateOptions, CertificateStatus, DomainStatus, DomainValidation,
    DomainValidationOption as SdkDomainValidationOption, FailureReason, Filters, KeyAlgorithm, Tag as SdkTag,
    ValidationMethod,
};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Readiness, Resource, Seconds, Tag, tags};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

/// A TLS certificate of AWS Certificate Manager.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Certificate {
    /// The domain: `api.example.com`, `*.example.com`.
    pub domain_name: Option<String>,
    /// Further domains.
    pub subject_alternative_names: Option<Vec<String>>,
    /// How the ownership of the domains is shown: `DNS` or `EMAIL`.
    pub validation_method: Option<String>,
    /// Where each domain's ownership is shown.
    pub domain_validation_options: Option<Vec<DomainValidationOption>>,
    /// `RSA_2048` (the default), `EC_prime256v1` or `EC_secp384r1`.
    pub key_algorithm: Option<String>,
    /// The private authority that signs; none: Amazon, publicly trusted.
    pub certificate_authority_arn: Option<String>,
    /// Whether the private key can be exported: `ENABLED` or `DISABLED` (the default).
    pub certificate_export: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// Where a domain's ownership is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DomainValidationOption {
    /// The domain.
    pub domain_name: Option<String>,
    /// The Route 53 hosted zone to put the record in.
    pub hosted_zone_id: Option<String>,
    /// The domain whose mail addresses are asked (`EMAIL`).
    pub validation_domain: Option<String>,
}

impl Resource for Certificate {
    const TYPE: &'static str = "AWS::CertificateManager::Certificate";
    // Once the record is there; until then as long as people take.
    const SECONDS: Seconds = Seconds { create: 120.0, update: 1.0, delete: 1.0 };

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "acm:RequestCertificate";
        if self.domain_validation_options.iter().flatten().any(|option| option.hosted_zone_id.is_some()) {
            return Err(Failure::invalid(
                "`DomainValidationOptions.HostedZoneId`: records in Route 53 are not made yet",
            )
            .hint("leave HostedZoneId out, and create the CNAME record that the deployment names"));
        }
        let options = CertificateOptions::builder()
            .set_export(self.certificate_export.as_deref().map(CertificateExport::from))
            .build();
        let made = cx
            .client(Client::new)
            .request_certificate()
            .set_domain_name(self.domain_name.clone())
            .set_subject_alternative_names(self.subject_alternative_names.clone())
            .set_validation_method(self.validation_method.as_deref().map(ValidationMethod::from))
            .set_domain_validation_options(sdk_validation(&self.domain_validation_options)?)
            .set_key_algorithm(self.key_algorithm.as_deref().map(KeyAlgorithm::from))
            .set_certificate_authority_arn(self.certificate_authority_arn.clone())
            .set_options(self.certificate_export.is_some().then_some(options))
            .idempotency_token(idempotency_token(&cx.token))
            .set_tags(Some(sdk_tags(tags::for_create(self.tags.as_deref().unwrap_or_default(), cx))?))
            .send()
            .await
            .aws(action)?;
        made.certificate_arn.map(created).ok_or_else(|| Failure::missing(action, "CertificateArn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let client = cx.client(Client::new);
        let export = self.certificate_export.as_deref().unwrap_or("DISABLED");
        if live.certificate_export.as_deref().is_some_and(|had| had != export) {
            let options = CertificateOptions::builder().export(CertificateExport::from(export)).build();
            let call = client.update_certificate_options().certificate_arn(id).options(options);
            call.send().await.aws("acm:UpdateCertificateOptions")?;
        }
        let had = live.tags.as_deref().unwrap_or_default();
        let changes = tags::changes(self.tags.as_deref().unwrap_or_default(), Some(had));
        if !changes.set.is_empty() {
            let set = Some(sdk_tags(changes.set)?);
            let call = client.add_tags_to_certificate().certificate_arn(id).set_tags(set);
            call.send().await.aws("acm:AddTagsToCertificate")?;
        }
        if !changes.remove.is_empty() {
            // ACM removes a tag given without value whatever its value is.
            let keys = changes.remove.into_iter().map(|key| SdkTag::builder().key(key).build().map_err(incomplete));
            let keys = keys.collect::<Result<Vec<_>, _>>()?;
            let call = client.remove_tags_from_certificate().certificate_arn(id).set_tags(Some(keys));
            call.send().await.aws("acm:RemoveTagsFromCertificate")?;
        }
        Ok(())
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        Ok(match describe(id, cx).await? {
            Some(certificate) => readiness(&certificate),
            None => Readiness::Pending("not visible yet".to_owned()),
        })
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        try_join_all(ids.iter().map(|id| async move {
            let (found, tags) = futures::future::try_join(describe(id, cx), live_tags(id, cx)).await?;
            Ok(found.map(|certificate| live(&certificate, tags)))
        }))
        .await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_certificate().certificate_arn(id).send();
        call.await.aws("acm:DeleteCertificate").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        // Without the filter only RSA_1024 and RSA_2048 are listed.
        let algorithms = KeyAlgorithm::values().iter().copied().map(KeyAlgorithm::from).collect();
        let filter = Filters::builder().set_key_types(Some(algorithms)).build();
        let pages = cx.client(Client::new).list_certificates().includes(filter).into_paginator();
        let all = pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("acm:ListCertificates")?;
        for summary in all.into_iter().filter(|summary| summary.domain_name == self.domain_name) {
            let Some(arn) = summary.certificate_arn else { continue };
            let tags = list_tags(&arn, cx).await?;
            if cx.made(tags.iter().map(|tag| (tag.key(), tag.value().unwrap_or_default()))) {
                return Ok(Some(created(arn)));
            }
        }
        Ok(None)
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "acm", "certificate/").map(|_| arn.to_owned())
    }
}

/// ACM takes up to 32 letters, digits and underscores.
fn idempotency_token(token: &str) -> String {
    let word: String = token.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    word[word.len().saturating_sub(32)..].to_owned()
}

fn incomplete(error: impl std::fmt::Display) -> Failure {
    Failure::invalid(error.to_string())
}

fn sdk_tags(pairs: Vec<(String, String)>) -> Result<Vec<SdkTag>, Failure> {
    let tag = |(key, value)| SdkTag::builder().key(key).value(value).build().map_err(incomplete);
    pairs.into_iter().map(tag).collect()
}

fn sdk_validation(
    options: &Option<Vec<DomainValidationOption>>,
) -> Result<Option<Vec<SdkDomainValidationOption>>, Failure> {
    let option = |option: &DomainValidationOption| {
        // The domain itself where no other is named, as CloudFormation does.
        let validation = option.validation_domain.clone().or_else(|| option.domain_name.clone());
        let builder = SdkDomainValidationOption::builder().set_domain_name(option.domain_name.clone());
        builder.set_validation_domain(validation).build().map_err(incomplete)
    };
    options.as_ref().map(|list| list.iter().map(option).collect()).transpose()
}

pub(crate) async fn describe(arn: &str, cx: &Context) -> Result<Option<CertificateDetail>, Failure> {
    let call = cx.client(Client::new).describe_certificate().certificate_arn(arn).send();
    let answer = call.await.aws("acm:DescribeCertificate").absent()?;
    Ok(answer.and_then(|answer| answer.certificate))
}

async fn list_tags(arn: &str, cx: &Context) -> Result<Vec<SdkTag>, Failure> {
    let call = cx.client(Client::new).list_tags_for_certificate().certificate_arn(arn).send();
    let answer = call.await.aws("acm:ListTagsForCertificate").absent()?;
    Ok(answer.and_then(|answer| answer.tags).unwrap_or_default())
}

async fn live_tags(arn: &str, cx: &Context) -> Result<Option<Vec<Tag>>, Failure> {
    let own = async {
        let pair = |tag: SdkTag| (tag.key, tag.value.unwrap_or_default());
        Ok(list_tags(arn, cx).await?.into_iter().map(pair).collect())
    };
    let tags = tags::from_live(tags::of_arn(arn, cx, own).await?);
    Ok((!tags.is_empty()).then_some(tags))
}

fn created(arn: String) -> Created {
    Created::new(arn.clone()).with("CertificateArn", arn)
}

/// The state in words: which records to create, or why it will never be issued.
pub(crate) fn readiness(certificate: &CertificateDetail) -> Readiness {
    let domain = certificate.domain_name().unwrap_or("the domain");
    match &certificate.status {
        Some(CertificateStatus::Issued) => Readiness::Ready,
        Some(CertificateStatus::PendingValidation) | None => {
            Readiness::Pending(pending(domain, certificate.domain_validation_options()))
        }
        Some(CertificateStatus::Failed) => {
            let reason = certificate.failure_reason.as_ref().map(failure_reason);
            let reason = reason.unwrap_or_else(|| "AWS gives no reason".to_owned());
            Readiness::Failed(format!("the certificate for {domain} was not issued: {reason}"))
        }
        Some(CertificateStatus::ValidationTimedOut) => Readiness::Failed(format!(
            "the ownership of {domain} was not shown within 72 hours; replace the certificate and create its CNAME record"
        )),
        Some(other) => {
            let state = other.as_str().to_lowercase().replace('_', " ");
            Readiness::Failed(format!("the certificate for {domain} is {state}"))
        }
    }
}

fn pending(domain: &str, options: &[DomainValidation]) -> String {
    let mut records: Vec<String> = Vec::new();
    let open = |option: &&DomainValidation| option.validation_status != Some(DomainStatus::Success);
    for option in options.iter().filter(open) {
        if let Some(record) = &option.resource_record {
            let text = format!("{} {} {}", record.name, record.r#type.as_str(), record.value);
            // A wildcard and its parent domain share one record.
            if !records.contains(&text) {
                records.push(text);
            }
        }
    }
    let mails = options.iter().filter(open).flat_map(DomainValidation::validation_emails).collect::<Vec<_>>();
    match (records.as_slice(), mails.first()) {
        ([], Some(mail)) => format!("AWS wrote to {mail} and others: the link in the mail must be followed"),
        ([], None) => format!("AWS has not yet said how the ownership of {domain} is shown"),
        ([record], _) => format!("create the DNS record: {record}"),
        (records, _) => format!("create the DNS records: {}", records.join("; ")),
    }
}

/// From "Certificate request fails" in the ACM user guide.
fn failure_reason(reason: &FailureReason) -> String {
    let words = match reason {
        FailureReason::NoAvailableContacts => {
            "no mail address was found to validate the domain with; use DNS validation"
        }
        FailureReason::AdditionalVerificationRequired => {
            "AWS needs more information about the domain (it may be well known); open a case with AWS support"
        }
        FailureReason::DomainNotAllowed => "the domain is on a list of unsafe domains; see the ACM user guide",
        FailureReason::InvalidPublicDomain => "the domain is not a valid public domain; look for a typing mistake",
        FailureReason::CaaError => {
            "a CAA record of the domain does not allow Amazon; add one with the value amazon.com, or remove it"
        }
        FailureReason::DomainValidationDenied => "the validation of the domain was denied",
        FailureReason::SlrNotFound => "the service-linked role of ACM is missing",
        other => return other.as_str().to_lowercase().replace('_', " "),
    };
    words.to_owned()
}

fn live(certificate: &CertificateDetail, tags: Option<Vec<Tag>>) -> Live<Certificate> {
    // ACM lists the domain among its own alternatives.
    let mut alternatives: Vec<String> = certificate
        .subject_alternative_names()
        .iter()
        .filter(|name| Some(name.as_str()) != certificate.domain_name())
        .cloned()
        .collect();
    // It lists them in no order that means anything; declared ones are sorted too.
    alternatives.sort();
    let method = certificate.domain_validation_options().iter().find_map(|option| option.validation_method.as_ref());
    let properties = Certificate {
        domain_name: certificate.domain_name.clone(),
        subject_alternative_names: (!alternatives.is_empty()).then_some(alternatives),
        validation_method: method.map(|method| method.as_str().to_owned()),
        domain_validation_options: None,
        // Requests say `RSA_2048`, answers say `RSA-2048`.
        key_algorithm: certificate.key_algorithm.as_ref().map(|algorithm| algorithm.as_str().replace('-', "_")),
        certificate_authority_arn: certificate.certificate_authority_arn.clone(),
        certificate_export: certificate
            .options
            .as_ref()
            .and_then(|options| options.export.as_ref())
            .map(|export| export.as_str().to_owned()),
        tags,
    };
    Live::new(properties).with("CertificateArn", certificate.certificate_arn().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use aws_sdk_acm::types::{RecordType, ResourceRecord};

    use super::*;

    fn validation(domain: &str, record: &str) -> DomainValidation {
        let record = ResourceRecord::builder()
            .name(format!("_{record}.example.com."))
            .r#type(RecordType::Cname)
            .value("_x.acm-validations.aws.")
            .build()
            .unwrap();
        DomainValidation::builder().domain_name(domain).resource_record(record).build().unwrap()
    }

    fn detail(status: CertificateStatus) -> aws_sdk_acm::types::builders::CertificateDetailBuilder {
        CertificateDetail::builder().domain_name("api.example.com").status(status)
    }

    #[test]
    fn waiting_names_the_record_to_create() {
        let one = detail(CertificateStatus::PendingValidation)
            .domain_validation_options(validation("api.example.com", "abc"))
            .domain_validation_options(validation("*.api.example.com", "abc"))
            .build();
        let text = "create the DNS record: _abc.example.com. CNAME _x.acm-validations.aws.";
        assert_eq!(readiness(&one), Readiness::Pending(text.into()));
        let none = detail(CertificateStatus::PendingValidation).build();
        assert!(matches!(readiness(&none), Readiness::Pending(text) if text.contains("api.example.com")));
    }

    #[test]
    fn an_end_says_why() {
        let cases = [
            (detail(CertificateStatus::Failed).failure_reason(FailureReason::CaaError), "CAA record"),
            (detail(CertificateStatus::Failed), "no reason"),
            (detail(CertificateStatus::ValidationTimedOut), "72 hours"),
            (detail(CertificateStatus::Expired), "is expired"),
        ];
        for (certificate, words) in cases {
            match readiness(&certificate.build()) {
                Readiness::Failed(text) => assert!(text.contains(words), "{text}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(readiness(&detail(CertificateStatus::Issued).build()), Readiness::Ready);
    }

    #[test]
    fn a_live_certificate_reads_as_declared() {
        let certificate = detail(CertificateStatus::Issued)
            .certificate_arn("arn")
            .subject_alternative_names("api.example.com")
            .subject_alternative_names("www.example.com")
            .key_algorithm(KeyAlgorithm::from("RSA-2048"))
            .build();
        let live = live(&certificate, None);
        assert_eq!(live.properties.subject_alternative_names, Some(vec!["www.example.com".into()]));
        assert_eq!(live.properties.key_algorithm.as_deref(), Some("RSA_2048"));
        assert_eq!(live.attributes["CertificateArn"], "arn");
    }

    #[test]
    fn a_token_is_cut_to_what_acm_takes() {
        let token = idempotency_token("0123456789-abcdef-0123456789-abcdef-0123456789");
        assert_eq!(token, "89abcdef0123456789abcdef0123456789"[2..].to_owned());
        assert_eq!(token.len(), 32);
    }
}
