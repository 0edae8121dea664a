//! What can be created late: how each kind is named, where it is listed, and how its service says that it is not there.

use hyper::StatusCode;

/// A kind of resource.
#[derive(Debug)]
pub(super) struct Kind {
    /// The signing name of its service.
    pub service: &'static str,
    pub create: &'static [&'static str],
    /// The members of the answer to `create` that identify it: no other thing of its service has such an identifier.
    pub ids: &'static [&'static str],
    /// The field of the request to `create` that names it.
    pub name: &'static str,
    /// The fields that take this name in other calls, with the operation if the same field means something else in others.
    pub fields: &'static [(&'static str, &'static str)],
    pub code: &'static str,
    pub status: StatusCode,
    /// `{id}` stands for what was asked for.
    pub message: &'static str,
    /// The operations that list it, and the member of a list's item that names it.
    pub lists: &'static [(&'static str, &'static str)],
    /// The operations that answer with a list of failures where others give an error.
    pub failures: &'static [&'static str],
}

const BASE: Kind = Kind {
    service: "",
    create: &[],
    ids: &[],
    name: "",
    fields: &[],
    code: "",
    status: StatusCode::BAD_REQUEST,
    message: "",
    lists: &[],
    failures: &[],
};

/// The kinds. Names and words from the services' API references: the errors of each describing operation.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        service: "ec2",
        create: &["CreateVpc"],
        ids: &["vpcId"],
        code: "InvalidVpcID.NotFound",
        message: "The vpc ID '{id}' does not exist",
        lists: &[("DescribeVpcs", "vpcId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["CreateSubnet"],
        ids: &["subnetId"],
        code: "InvalidSubnetID.NotFound",
        message: "The subnet ID '{id}' does not exist",
        lists: &[("DescribeSubnets", "subnetId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["CreateSecurityGroup"],
        ids: &["groupId"],
        code: "InvalidGroup.NotFound",
        message: "The security group '{id}' does not exist",
        lists: &[("DescribeSecurityGroups", "groupId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress"],
        ids: &["securityGroupRuleId"],
        code: "InvalidSecurityGroupRuleId.NotFound",
        message: "The security group rule ID '{id}' does not exist",
        lists: &[("DescribeSecurityGroupRules", "securityGroupRuleId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["CreateInternetGateway"],
        ids: &["internetGatewayId"],
        code: "InvalidInternetGatewayID.NotFound",
        message: "The internetGateway ID '{id}' does not exist",
        lists: &[("DescribeInternetGateways", "internetGatewayId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["CreateRouteTable"],
        ids: &["routeTableId"],
        code: "InvalidRouteTableID.NotFound",
        message: "The routeTable ID '{id}' does not exist",
        lists: &[("DescribeRouteTables", "routeTableId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["AllocateAddress"],
        ids: &["allocationId"],
        code: "InvalidAllocationID.NotFound",
        message: "The allocation ID '{id}' does not exist",
        lists: &[("DescribeAddresses", "allocationId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["CreateNatGateway"],
        ids: &["natGatewayId"],
        code: "NatGatewayNotFound",
        message: "The Nat Gateway {id} was not found",
        lists: &[("DescribeNatGateways", "natGatewayId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["CreateVpcEndpoint"],
        ids: &["vpcEndpointId"],
        code: "InvalidVpcEndpointId.NotFound",
        message: "The Vpc Endpoint Id '{id}' does not exist",
        lists: &[("DescribeVpcEndpoints", "vpcEndpointId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["CreateNetworkAcl"],
        ids: &["networkAclId"],
        code: "InvalidNetworkAclID.NotFound",
        message: "The networkAcl ID '{id}' does not exist",
        lists: &[("DescribeNetworkAcls", "networkAclId")],
        ..BASE
    },
    Kind {
        service: "ec2",
        create: &["CreateFlowLogs"],
        ids: &["flowLogIdSet"],
        code: "InvalidFlowLogId.NotFound",
        message: "The specified flow log {id} does not exist",
        lists: &[("DescribeFlowLogs", "flowLogId")],
        ..BASE
    },
    Kind {
        service: "elasticloadbalancing",
        create: &["CreateLoadBalancer"],
        ids: &["LoadBalancerArn"],
        name: "Name",
        fields: &[("DescribeLoadBalancers", "Names")],
        code: "LoadBalancerNotFound",
        message: "Load balancers '[{id}]' not found",
        lists: &[("DescribeLoadBalancers", "LoadBalancerArn")],
        ..BASE
    },
    Kind {
        service: "elasticloadbalancing",
        create: &["CreateTargetGroup"],
        ids: &["TargetGroupArn"],
        name: "Name",
        fields: &[("DescribeTargetGroups", "Names")],
        code: "TargetGroupNotFound",
        message: "Target groups '{id}' not found",
        lists: &[("DescribeTargetGroups", "TargetGroupArn")],
        ..BASE
    },
    Kind {
        service: "elasticloadbalancing",
        create: &["CreateListener"],
        ids: &["ListenerArn"],
        code: "ListenerNotFound",
        message: "Listener '{id}' not found",
        lists: &[("DescribeListeners", "ListenerArn")],
        ..BASE
    },
    Kind {
        service: "elasticloadbalancing",
        create: &["CreateRule"],
        ids: &["RuleArn"],
        code: "RuleNotFound",
        message: "Rule '{id}' not found",
        lists: &[("DescribeRules", "RuleArn")],
        ..BASE
    },
    Kind {
        service: "iam",
        create: &["CreateRole"],
        name: "RoleName",
        fields: &[("*", "RoleName")],
        code: "NoSuchEntity",
        status: StatusCode::NOT_FOUND,
        message: "The role with name {id} cannot be found.",
        lists: &[("ListRoles", "RoleName"), ("GetAccountAuthorizationDetails", "RoleName")],
        ..BASE
    },
    Kind {
        service: "iam",
        create: &["CreatePolicy"],
        ids: &["Arn"],
        code: "NoSuchEntity",
        status: StatusCode::NOT_FOUND,
        message: "Policy {id} was not found.",
        lists: &[("ListPolicies", "Arn"), ("GetAccountAuthorizationDetails", "Arn")],
        ..BASE
    },
    Kind {
        service: "ecs",
        create: &["CreateCluster"],
        ids: &["clusterArn"],
        name: "clusterName",
        fields: &[("*", "cluster"), ("DescribeClusters", "clusters")],
        code: "ClusterNotFoundException",
        message: "Cluster not found.",
        lists: &[("DescribeClusters", "clusterArn"), ("ListClusters", "clusterArns")],
        failures: &["DescribeClusters"],
        ..BASE
    },
    Kind {
        service: "ecs",
        create: &["CreateService"],
        ids: &["serviceArn"],
        name: "serviceName",
        fields: &[("DescribeServices", "services"), ("ListTasks", "serviceName")],
        code: "ServiceNotFoundException",
        message: "Service not found.",
        lists: &[("DescribeServices", "serviceArn"), ("ListServices", "serviceArns")],
        failures: &["DescribeServices"],
        ..BASE
    },
    Kind {
        service: "ecs",
        create: &["RegisterTaskDefinition"],
        ids: &["taskDefinitionArn"],
        code: "ClientException",
        message: "Unable to describe task definition.",
        lists: &[("ListTaskDefinitions", "taskDefinitionArns")],
        ..BASE
    },
    Kind {
        service: "logs",
        create: &["CreateLogGroup"],
        name: "logGroupName",
        fields: &[("*", "logGroupName"), ("*", "logGroupIdentifier"), ("ListTagsForResource", "resourceArn")],
        code: "ResourceNotFoundException",
        message: "The specified log group does not exist.",
        lists: &[("DescribeLogGroups", "logGroupName"), ("ListLogGroups", "logGroupName")],
        ..BASE
    },
    Kind {
        service: "sns",
        create: &["CreateTopic"],
        ids: &["TopicArn"],
        code: "NotFound",
        status: StatusCode::NOT_FOUND,
        message: "Topic does not exist",
        lists: &[("ListTopics", "TopicArn")],
        ..BASE
    },
    Kind {
        service: "sqs",
        create: &["CreateQueue"],
        ids: &["QueueUrl"],
        name: "QueueName",
        fields: &[("GetQueueUrl", "QueueName")],
        code: "QueueDoesNotExist",
        message: "The specified queue does not exist.",
        lists: &[("ListQueues", "QueueUrls")],
        ..BASE
    },
    Kind {
        service: "secretsmanager",
        create: &["CreateSecret"],
        ids: &["ARN"],
        name: "Name",
        fields: &[("*", "SecretId"), ("BatchGetSecretValue", "SecretIdList")],
        code: "ResourceNotFoundException",
        message: "Secrets Manager can't find the specified secret.",
        lists: &[("ListSecrets", "ARN")],
        ..BASE
    },
    Kind {
        service: "ssm",
        create: &["PutParameter"],
        name: "Name",
        fields: &[("*", "Name"), ("ListTagsForResource", "ResourceId")],
        code: "ParameterNotFound",
        message: "Parameter {id} not found.",
        lists: &[("DescribeParameters", "Name"), ("GetParameters", "Name"), ("GetParametersByPath", "Name")],
        ..BASE
    },
    Kind {
        service: "kms",
        create: &["CreateKey"],
        ids: &["KeyId", "Arn"],
        code: "NotFoundException",
        message: "Key '{id}' does not exist",
        lists: &[("ListKeys", "KeyId")],
        ..BASE
    },
    Kind {
        service: "acm",
        create: &["RequestCertificate"],
        ids: &["CertificateArn"],
        code: "ResourceNotFoundException",
        message: "Could not find certificate {id}.",
        lists: &[("ListCertificates", "CertificateArn")],
        ..BASE
    },
    Kind {
        service: "ecr",
        create: &["CreateRepository"],
        ids: &["repositoryArn"],
        name: "repositoryName",
        fields: &[("*", "repositoryName"), ("DescribeRepositories", "repositoryNames")],
        code: "RepositoryNotFoundException",
        message: "The repository with name '{id}' does not exist in the registry",
        lists: &[("DescribeRepositories", "repositoryName")],
        ..BASE
    },
    Kind {
        service: "dynamodb",
        create: &["CreateTable"],
        ids: &["TableArn"],
        name: "TableName",
        fields: &[("*", "TableName")],
        code: "ResourceNotFoundException",
        message: "Requested resource not found: Table: {id} not found",
        lists: &[("ListTables", "TableNames")],
        ..BASE
    },
    Kind {
        service: "rds",
        create: &["CreateDBSubnetGroup"],
        name: "DBSubnetGroupName",
        fields: &[("DescribeDBSubnetGroups", "DBSubnetGroupName"), ("ListTagsForResource", "ResourceName")],
        code: "DBSubnetGroupNotFoundFault",
        status: StatusCode::NOT_FOUND,
        message: "DB Subnet group '{id}' not found.",
        lists: &[("DescribeDBSubnetGroups", "DBSubnetGroupName")],
        ..BASE
    },
    Kind {
        service: "rds",
        create: &["CreateDBParameterGroup"],
        name: "DBParameterGroupName",
        fields: &[
            ("DescribeDBParameterGroups", "DBParameterGroupName"),
            ("DescribeDBParameters", "DBParameterGroupName"),
            ("ListTagsForResource", "ResourceName"),
        ],
        code: "DBParameterGroupNotFound",
        status: StatusCode::NOT_FOUND,
        message: "DBParameterGroup not found: {id}",
        lists: &[("DescribeDBParameterGroups", "DBParameterGroupName")],
        ..BASE
    },
    Kind {
        service: "rds",
        create: &["CreateDBInstance"],
        name: "DBInstanceIdentifier",
        fields: &[("*", "DBInstanceIdentifier"), ("ListTagsForResource", "ResourceName")],
        code: "DBInstanceNotFound",
        status: StatusCode::NOT_FOUND,
        message: "DBInstance {id} not found.",
        lists: &[("DescribeDBInstances", "DBInstanceIdentifier")],
        ..BASE
    },
    Kind {
        service: "rds",
        create: &["CreateDBCluster"],
        name: "DBClusterIdentifier",
        fields: &[("DescribeDBClusters", "DBClusterIdentifier"), ("ListTagsForResource", "ResourceName")],
        code: "DBClusterNotFoundFault",
        status: StatusCode::NOT_FOUND,
        message: "DBCluster {id} not found.",
        lists: &[("DescribeDBClusters", "DBClusterIdentifier")],
        ..BASE
    },
    Kind {
        service: "elasticache",
        create: &["CreateCacheSubnetGroup"],
        name: "CacheSubnetGroupName",
        fields: &[("DescribeCacheSubnetGroups", "CacheSubnetGroupName"), ("ListTagsForResource", "ResourceName")],
        code: "CacheSubnetGroupNotFoundFault",
        message: "Cache Subnet Group {id} does not exist.",
        lists: &[("DescribeCacheSubnetGroups", "CacheSubnetGroupName")],
        ..BASE
    },
    Kind {
        service: "elasticache",
        create: &["CreateCacheParameterGroup"],
        name: "CacheParameterGroupName",
        fields: &[
            ("DescribeCacheParameterGroups", "CacheParameterGroupName"),
            ("DescribeCacheParameters", "CacheParameterGroupName"),
            ("ListTagsForResource", "ResourceName"),
        ],
        code: "CacheParameterGroupNotFound",
        status: StatusCode::NOT_FOUND,
        message: "CacheParameterGroup {id} not found.",
        lists: &[("DescribeCacheParameterGroups", "CacheParameterGroupName")],
        ..BASE
    },
    Kind {
        service: "elasticache",
        create: &["CreateReplicationGroup"],
        name: "ReplicationGroupId",
        fields: &[("*", "ReplicationGroupId"), ("ListTagsForResource", "ResourceName")],
        code: "ReplicationGroupNotFoundFault",
        status: StatusCode::NOT_FOUND,
        message: "ReplicationGroup {id} not found.",
        lists: &[("DescribeReplicationGroups", "ReplicationGroupId")],
        ..BASE
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_can_be_told_and_missed() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in KINDS {
            assert!(!kind.ids.is_empty() || !kind.name.is_empty(), "{:?} has no identity", kind.create);
            assert!(!kind.code.is_empty() && !kind.message.is_empty() && !kind.lists.is_empty(), "{:?}", kind.create);
            for create in kind.create {
                assert!(seen.insert((kind.service, create)), "{create} twice");
            }
            for failures in kind.failures {
                assert!(kind.lists.iter().any(|(list, _)| list == failures), "{failures} lists nothing");
            }
        }
    }
}
