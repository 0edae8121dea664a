//! Terraform's types of the AWS provider, and what each is for us: a CloudFormation type and the id our handlers use.
//!
//! From the provider's documentation, "Attribute Reference" of each type:
//! <https://github.com/hashicorp/terraform-provider-aws/tree/main/website/docs/r>. A row says why where it is not plain.

use crate::attributes::Attributes;
use crate::unhandled;

/// What a resource of Terraform is for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Becomes {
    /// One resource of ours, or several: what Terraform keeps within one resource may be declared apart.
    Ours(Vec<Target>),
    /// A part of another resource: nothing to adopt by itself.
    PartOf {
        /// The CloudFormation type it is a part of.
        type_name: &'static str,
        /// Which part.
        why: &'static str,
        /// What it is where it is declared apart.
        apart: Vec<Target>,
    },
    /// Of a type we handle, but the file does not tell its id.
    WithoutId {
        /// The CloudFormation type.
        type_name: &'static str,
        /// What is missing.
        why: &'static str,
    },
    /// Of a CloudFormation type without a handler.
    Unhandled {
        /// The CloudFormation type.
        type_name: &'static str,
    },
    /// Of AWS, and not known here.
    Unknown,
    /// No resource of AWS.
    Elsewhere,
}

/// One resource of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The CloudFormation type.
    pub type_name: &'static str,
    /// The physical id.
    pub id: String,
    /// Whether it is one only where it is declared apart from what it is kept in.
    pub implied: bool,
}

type Id = fn(&Attributes<'_>) -> Option<String>;
type Ids = fn(&Attributes<'_>) -> Vec<String>;

struct Row {
    /// Terraform's type.
    terraform: &'static str,
    what: What,
    /// What may be declared apart: type and ids.
    apart: &'static [(&'static str, Ids)],
}

enum What {
    /// Type, id, and what is missing where the id is not to be had.
    Is(&'static str, Id, &'static str),
    /// Type, and which part.
    Part(&'static str, &'static str),
}

const fn is(terraform: &'static str, type_name: &'static str, id: Id) -> Row {
    Row { terraform, what: What::Is(type_name, id, NO_ID), apart: &[] }
}

const fn is_if(terraform: &'static str, type_name: &'static str, id: Id, why_not: &'static str) -> Row {
    Row { terraform, what: What::Is(type_name, id, why_not), apart: &[] }
}

const fn part(terraform: &'static str, type_name: &'static str, why: &'static str) -> Row {
    Row { terraform, what: What::Part(type_name, why), apart: &[] }
}

impl Row {
    const fn apart(self, apart: &'static [(&'static str, Ids)]) -> Self {
        Self { apart, ..self }
    }
}

const ATTACHMENT: &str = "Groundplan::SecretsManager::Attachment";
const CERTIFICATE: &str = "AWS::CertificateManager::Certificate";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const LISTENER_RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
const LOAD_BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const ROUTE_TABLE_ASSOCIATION: &str = "AWS::EC2::SubnetRouteTableAssociation";
const ONE_RULE: &str = "the file does not tell its rule's id: it stands for several rules, or was made by a provider \
                        before version 4.56";

const NO_ID: &str = "the file does not tell its id: `import ADDRESS ID` adopts it";
const SENSITIVE: &str =
    "the file marks its id or name as sensitive, so that it is not read: `import ADDRESS ID` adopts it";
const FLAT: &str = "the file has it as Terraform 0.11 wrote it: `terraform apply -refresh-only` writes it anew, or `import \
                    ADDRESS ID` adopts it";

const AWS_MADE: &str = "AWS made it itself, and Terraform took it over: it cannot be declared";

static TABLE: &[Row] = &[
    // EC2: the network.
    is("aws_vpc", "AWS::EC2::VPC", id),
    is("aws_subnet", "AWS::EC2::Subnet", id),
    // Terraform attaches it by its attribute `vpc_id`, CloudFormation by a resource.
    is("aws_internet_gateway", "AWS::EC2::InternetGateway", id).apart(&[("AWS::EC2::VPCGatewayAttachment", attached)]),
    is("aws_internet_gateway_attachment", "AWS::EC2::VPCGatewayAttachment", |it| attached(it).pop()),
    // Its `route` blocks are resources of their own with us; the attribute also tells the routes made elsewhere.
    is("aws_route_table", "AWS::EC2::RouteTable", id).apart(&[("AWS::EC2::Route", inline_routes)]),
    is("aws_route", "AWS::EC2::Route", |it| route(it.text("route_table_id")?, it)),
    is_if(
        "aws_route_table_association",
        ROUTE_TABLE_ASSOCIATION,
        // One with `gateway_id` is an edge association.
        |it| it.text("subnet_id").and_then(|_| id(it)),
        "it is an association with a gateway, which we do not handle",
    ),
    // Our id is the address; Terraform's is the allocation.
    is("aws_eip", "AWS::EC2::EIP", |it| text(it, "public_ip")),
    is("aws_nat_gateway", "AWS::EC2::NatGateway", id),
    is("aws_network_acl", "AWS::EC2::NetworkAcl", id).apart(&[("AWS::EC2::NetworkAclEntry", inline_entries)]),
    // Terraform's id is a checksum.
    is("aws_network_acl_rule", "AWS::EC2::NetworkAclEntry", |it| {
        entry(it.text("network_acl_id")?, it.number("rule_number")?, it.flag("egress").unwrap_or_default())
    }),
    is("aws_network_acl_association", "AWS::EC2::SubnetNetworkAclAssociation", id),
    is("aws_vpc_endpoint", "AWS::EC2::VPCEndpoint", id),
    is("aws_flow_log", "AWS::EC2::FlowLog", id),
    is("aws_security_group", "AWS::EC2::SecurityGroup", id),
    is("aws_vpc_security_group_ingress_rule", "AWS::EC2::SecurityGroupIngress", rule),
    is("aws_vpc_security_group_egress_rule", "AWS::EC2::SecurityGroupEgress", rule),
    // Two types of ours: `becomes` takes the one of its direction. Terraform's id is a checksum.
    is_if("aws_security_group_rule", "AWS::EC2::SecurityGroupIngress", rule, ONE_RULE),
    // What AWS makes with every VPC, and Terraform can take over.
    is_if("aws_default_vpc", "AWS::EC2::VPC", |_| None, AWS_MADE),
    is_if("aws_default_subnet", "AWS::EC2::Subnet", |_| None, AWS_MADE),
    is_if("aws_default_route_table", "AWS::EC2::RouteTable", |_| None, AWS_MADE),
    is_if("aws_default_network_acl", "AWS::EC2::NetworkAcl", |_| None, AWS_MADE),
    is_if("aws_default_security_group", "AWS::EC2::SecurityGroup", |_| None, AWS_MADE),
    part("aws_vpc_endpoint_route_table_association", "AWS::EC2::VPCEndpoint", "its RouteTableIds"),
    part("aws_vpc_endpoint_subnet_association", "AWS::EC2::VPCEndpoint", "its SubnetIds"),
    part("aws_vpc_endpoint_security_group_association", "AWS::EC2::VPCEndpoint", "its SecurityGroupIds"),
    part("aws_vpc_endpoint_policy", "AWS::EC2::VPCEndpoint", "its PolicyDocument"),
    part("aws_eip_association", "AWS::EC2::EIP", "where it is attached"),
    // Certificates and load balancers: ids are ARNs.
    is("aws_acm_certificate", CERTIFICATE, arn),
    part("aws_acm_certificate_validation", CERTIFICATE, "the wait until it is issued"),
    is("aws_lb", LOAD_BALANCER, arn),
    is("aws_alb", LOAD_BALANCER, arn),
    is("aws_lb_listener", LISTENER, arn),
    is("aws_alb_listener", LISTENER, arn),
    is("aws_lb_listener_rule", LISTENER_RULE, arn),
    is("aws_alb_listener_rule", LISTENER_RULE, arn),
    is("aws_lb_target_group", TARGET_GROUP, arn),
    is("aws_alb_target_group", TARGET_GROUP, arn),
    part("aws_lb_target_group_attachment", TARGET_GROUP, "its Targets"),
    part("aws_alb_target_group_attachment", TARGET_GROUP, "its Targets"),
    // ECS. `Ref` of a cluster is its name, of a service its ARN, of a task definition its ARN with the revision
    // (Terraform's id is the family alone).
    is("aws_ecs_cluster", "AWS::ECS::Cluster", |it| text(it, "name"))
        .apart(&[("AWS::ECS::ClusterCapacityProviderAssociations", |it| list(text(it, "name")))]),
    part("aws_ecs_cluster_capacity_providers", "AWS::ECS::Cluster", "its CapacityProviders")
        .apart(&[("AWS::ECS::ClusterCapacityProviderAssociations", |it| list(text(it, "cluster_name")))]),
    is("aws_ecs_service", "AWS::ECS::Service", |it| it.arn("arn").or(it.arn("id")).map(str::to_owned)),
    is("aws_ecs_task_definition", "AWS::ECS::TaskDefinition", arn),
    is("aws_ecr_repository", "AWS::ECR::Repository", |it| text(it, "name")),
    part("aws_ecr_lifecycle_policy", "AWS::ECR::Repository", "its LifecyclePolicy"),
    part("aws_ecr_repository_policy", "AWS::ECR::Repository", "its RepositoryPolicyText"),
    is("aws_appautoscaling_target", "AWS::ApplicationAutoScaling::ScalableTarget", |it| {
        joined(it, &["resource_id", "scalable_dimension", "service_namespace"])
    }),
    is("aws_appautoscaling_policy", "AWS::ApplicationAutoScaling::ScalingPolicy", arn),
    part("aws_appautoscaling_scheduled_action", "AWS::ApplicationAutoScaling::ScalableTarget", "its ScheduledActions"),
    // RDS and ElastiCache go by their names. A database's `id` is its resource id since version 5 of the provider.
    is("aws_db_instance", "AWS::RDS::DBInstance", |it| text(it, "identifier")),
    is("aws_rds_cluster_instance", "AWS::RDS::DBInstance", |it| text(it, "identifier").or_else(|| id(it))),
    is("aws_db_subnet_group", "AWS::RDS::DBSubnetGroup", name_or_id),
    is("aws_db_parameter_group", "AWS::RDS::DBParameterGroup", name_or_id),
    is("aws_elasticache_replication_group", "AWS::ElastiCache::ReplicationGroup", |it| {
        text(it, "replication_group_id").or_else(|| id(it))
    }),
    is("aws_elasticache_subnet_group", "AWS::ElastiCache::SubnetGroup", name_or_id),
    is("aws_elasticache_parameter_group", "AWS::ElastiCache::ParameterGroup", name_or_id),
    // IAM. A role's policies are properties of the role; an inline one may be declared apart.
    is("aws_iam_role", "AWS::IAM::Role", name_or_id).apart(&[("AWS::IAM::RolePolicy", inline_policies)]),
    part("aws_iam_role_policy", "AWS::IAM::Role", "one of its Policies")
        .apart(&[("AWS::IAM::RolePolicy", |it| list(joined(it, &["name", "role"])))]),
    part("aws_iam_role_policy_attachment", "AWS::IAM::Role", "one of its ManagedPolicyArns"),
    part("aws_iam_role_policy_attachments_exclusive", "AWS::IAM::Role", "its ManagedPolicyArns"),
    part("aws_iam_role_policies_exclusive", "AWS::IAM::Role", "its Policies"),
    part("aws_iam_policy_attachment", "AWS::IAM::Role", "one of its ManagedPolicyArns"),
    is("aws_iam_policy", "AWS::IAM::ManagedPolicy", arn),
    // Secrets: ids are ARNs. A version is the value; the keys of a store in it may be an attachment.
    is("aws_secretsmanager_secret", "AWS::SecretsManager::Secret", arn)
        .apart(&[(ATTACHMENT, |it| list(it.arn("arn").map(str::to_owned)))]),
    part("aws_secretsmanager_secret_version", "AWS::SecretsManager::Secret", "its value")
        .apart(&[(ATTACHMENT, |it| list(it.arn("secret_id").map(str::to_owned)))]),
    // CloudWatch goes by names.
    is("aws_cloudwatch_log_group", "AWS::Logs::LogGroup", name_or_id),
    is("aws_cloudwatch_log_metric_filter", "AWS::Logs::MetricFilter", |it| joined(it, &["log_group_name", "name"])),
    is("aws_cloudwatch_metric_alarm", "AWS::CloudWatch::Alarm", |it| text(it, "alarm_name").or_else(|| id(it))),
    is("aws_cloudwatch_composite_alarm", "AWS::CloudWatch::CompositeAlarm", |it| {
        text(it, "alarm_name").or_else(|| id(it))
    }),
    is("aws_cloudwatch_dashboard", "AWS::CloudWatch::Dashboard", |it| text(it, "dashboard_name")),
    // SNS: ids are ARNs. A topic's policy is the id's topic.
    is("aws_sns_topic", "AWS::SNS::Topic", arn)
        .apart(&[("AWS::SNS::TopicPolicy", |it| list(it.arn("arn").map(str::to_owned)))]),
    is("aws_sns_topic_policy", "AWS::SNS::TopicPolicy", arn),
    is_if(
        "aws_sns_topic_subscription",
        "AWS::SNS::Subscription",
        |it| it.arn("arn").or(it.arn("id")).map(str::to_owned),
        "it has no ARN before its receiver confirms it",
    ),
];

fn text(it: &Attributes<'_>, name: &str) -> Option<String> {
    it.text(name).map(str::to_owned)
}

fn id(it: &Attributes<'_>) -> Option<String> {
    text(it, "id")
}

fn arn(it: &Attributes<'_>) -> Option<String> {
    it.arn("arn").map(str::to_owned)
}

fn name_or_id(it: &Attributes<'_>) -> Option<String> {
    text(it, "name").or_else(|| id(it))
}

fn list(id: Option<String>) -> Vec<String> {
    id.into_iter().collect()
}

fn joined(it: &Attributes<'_>, names: &[&str]) -> Option<String> {
    let parts: Option<Vec<&str>> = names.iter().map(|name| it.text(name)).collect();
    Some(parts?.join("|"))
}

fn attached(it: &Attributes<'_>) -> Vec<String> {
    list(it.text("vpc_id").map(|vpc| format!("IGW|{vpc}")))
}

fn route(table: &str, it: &Attributes<'_>) -> Option<String> {
    // A resource and a block name the ranges differently.
    let names = [
        "destination_cidr_block",
        "cidr_block",
        "destination_ipv6_cidr_block",
        "ipv6_cidr_block",
        "destination_prefix_list_id",
    ];
    let destination = names.iter().find_map(|name| it.text(name))?;
    Some(format!("{table}|{destination}"))
}

fn inline_routes(it: &Attributes<'_>) -> Vec<String> {
    let Some(table) = it.text("id") else { return Vec::new() };
    it.blocks("route").filter_map(|block| route(table, &block)).collect()
}

fn entry(acl: &str, number: i64, egress: bool) -> Option<String> {
    Some(format!("{acl}|{number}|{}", if egress { "egress" } else { "ingress" }))
}

fn inline_entries(it: &Attributes<'_>) -> Vec<String> {
    let Some(acl) = it.text("id") else { return Vec::new() };
    let of = |way: &'static str| {
        it.blocks(way).filter_map(move |block| entry(acl, block.number("rule_no")?, way == "egress"))
    };
    of("ingress").chain(of("egress")).collect()
}

fn inline_policies(it: &Attributes<'_>) -> Vec<String> {
    let Some(role) = name_or_id(it) else { return Vec::new() };
    it.blocks("inline_policy").filter_map(|block| Some(format!("{}|{role}", block.text("name")?))).collect()
}

/// The id of a security group's rule; `id` itself is one only in the newer types.
fn rule(it: &Attributes<'_>) -> Option<String> {
    let names = ["security_group_rule_id", "id"];
    names.iter().find_map(|name| it.text(name).filter(|id| id.starts_with("sgr-"))).map(str::to_owned)
}

/// What an instance of a type is for us.
pub(crate) fn becomes(terraform: &str, it: &Attributes<'_>) -> Becomes {
    let Some(row) = TABLE.iter().find(|row| row.terraform == terraform) else {
        return match unhandled::cloudformation(terraform) {
            Some(type_name) => Becomes::Unhandled { type_name },
            None if terraform.starts_with("aws_") || terraform.starts_with("awscc_") => Becomes::Unknown,
            None => Becomes::Elsewhere,
        };
    };
    let apart = row
        .apart
        .iter()
        .flat_map(|(type_name, ids)| ids(it).into_iter().map(|id| Target { type_name, id, implied: true }));
    match row.what {
        What::Part(type_name, why) => Becomes::PartOf { type_name, why, apart: apart.collect() },
        What::Is(type_name, id, why_not) => {
            let outward = terraform == "aws_security_group_rule" && it.text("type") == Some("egress");
            let type_name = if outward { "AWS::EC2::SecurityGroupEgress" } else { type_name };
            match id(it) {
                Some(id) => {
                    let itself = Target { type_name, id, implied: false };
                    Becomes::Ours([itself].into_iter().chain(apart).collect())
                }
                None => {
                    let why = match why_not {
                        AWS_MADE => AWS_MADE,
                        _ if it.was_withheld() => SENSITIVE,
                        _ if it.is_flat() => FLAT,
                        why_not => why_not,
                    };
                    Becomes::WithoutId { type_name, why }
                }
            }
        }
    }
}

/// The types of ours that stand in the table, some more than once.
pub fn types() -> impl Iterator<Item = &'static str> {
    let own = |row: &'static Row| match row.what {
        What::Is(type_name, ..) | What::Part(type_name, _) => type_name,
    };
    TABLE.iter().flat_map(move |row| [own(row)].into_iter().chain(row.apart.iter().map(|(type_name, _)| *type_name)))
}

#[cfg(test)]
mod tests;
