//! How long resources take on AWS, and how their states are written: one row for each kind that takes time.

/// A kind of resource that takes time. Its descriptions are XML; the certificate, which is JSON, has its own file.
#[derive(Debug)]
pub(super) struct Kind {
    /// The signing name of its service.
    pub service: &'static str,
    /// What it is, in CloudFormation's words.
    pub name: &'static str,
    pub create: &'static [&'static str],
    pub modify: &'static [&'static str],
    pub delete: &'static str,
    pub describe: &'static [&'static str],
    /// The request field that names it in `delete`, `modify` and `describe`; a list field has members `.1`, `.2`.
    pub field: &'static str,
    /// Seconds on AWS until it is ready, changed, gone.
    pub seconds: Seconds,
    pub shape: Shape,
    /// Whether the emulator goes on describing it after its deletion.
    pub stays: bool,
    /// What AWS answers to a change while it is not ready.
    pub busy: Option<&'static str>,
}

/// Seconds on AWS. Measured by many, promised by nobody.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds {
    pub create: f64,
    pub modify: f64,
    pub delete: f64,
}

/// How the kind is written in answers.
#[derive(Debug)]
pub(super) struct Shape {
    /// The list element and the element in it.
    pub list: &'static str,
    pub item: &'static str,
    /// The element of one alone, as in the answer to `create`.
    pub single: &'static str,
    pub id: &'static str,
    /// The element with the state; a slash goes one deeper.
    pub status: &'static str,
    pub creating: &'static str,
    pub modifying: &'static str,
    pub deleting: &'static str,
    /// Absent until it is ready.
    pub hidden: &'static [&'static str],
    /// The elements around the list in the answer to the first of `describe`.
    pub envelope: &'static [&'static str],
}

/// Certificates: DNS validation, from the request until issued.
/// <https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html>
pub(super) const CERTIFICATE_ISSUED: f64 = 60.0;
/// Certificates: until the validation record is known.
pub(super) const CERTIFICATE_RECORD: f64 = 5.0;

pub(super) const KINDS: &[Kind] = &[
    // <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
    Kind {
        service: "rds",
        name: "AWS::RDS::DBInstance",
        create: &[
            "CreateDBInstance",
            "CreateDBInstanceReadReplica",
            "RestoreDBInstanceFromDBSnapshot",
            "RestoreDBInstanceToPointInTime",
        ],
        modify: &["ModifyDBInstance"],
        delete: "DeleteDBInstance",
        describe: &["DescribeDBInstances"],
        field: "DBInstanceIdentifier",
        seconds: Seconds { create: 360.0, modify: 120.0, delete: 240.0 },
        shape: Shape {
            list: "DBInstances",
            item: "DBInstance",
            single: "DBInstance",
            id: "DBInstanceIdentifier",
            status: "DBInstanceStatus",
            creating: "creating",
            modifying: "modifying",
            deleting: "deleting",
            hidden: &["Endpoint", "InstanceCreateTime", "LatestRestorableTime"],
            envelope: &["DescribeDBInstancesResponse", "DescribeDBInstancesResult"],
        },
        stays: false,
        busy: Some("InvalidDBInstanceState"),
    },
    // <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html>
    Kind {
        service: "rds",
        name: "AWS::RDS::DBCluster",
        create: &["CreateDBCluster", "RestoreDBClusterFromSnapshot", "RestoreDBClusterToPointInTime"],
        modify: &["ModifyDBCluster"],
        delete: "DeleteDBCluster",
        describe: &["DescribeDBClusters"],
        field: "DBClusterIdentifier",
        seconds: Seconds { create: 480.0, modify: 60.0, delete: 180.0 },
        shape: Shape {
            list: "DBClusters",
            item: "DBCluster",
            single: "DBCluster",
            id: "DBClusterIdentifier",
            status: "Status",
            creating: "creating",
            modifying: "modifying",
            deleting: "deleting",
            hidden: &[],
            envelope: &["DescribeDBClustersResponse", "DescribeDBClustersResult"],
        },
        stays: false,
        busy: Some("InvalidDBClusterStateFault"),
    },
    // <https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_ReplicationGroup.html>
    Kind {
        service: "elasticache",
        name: "AWS::ElastiCache::ReplicationGroup",
        create: &["CreateReplicationGroup"],
        modify: &["ModifyReplicationGroup", "IncreaseReplicaCount", "DecreaseReplicaCount"],
        delete: "DeleteReplicationGroup",
        describe: &["DescribeReplicationGroups"],
        field: "ReplicationGroupId",
        seconds: Seconds { create: 360.0, modify: 60.0, delete: 300.0 },
        shape: Shape {
            list: "ReplicationGroups",
            item: "ReplicationGroup",
            single: "ReplicationGroup",
            id: "ReplicationGroupId",
            status: "Status",
            creating: "creating",
            modifying: "modifying",
            deleting: "deleting",
            hidden: &["NodeGroups", "ConfigurationEndpoint"],
            envelope: &["DescribeReplicationGroupsResponse", "DescribeReplicationGroupsResult"],
        },
        stays: false,
        busy: Some("InvalidReplicationGroupState"),
    },
    // <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-basics.html>
    Kind {
        service: "ec2",
        name: "AWS::EC2::NatGateway",
        create: &["CreateNatGateway"],
        modify: &[],
        delete: "DeleteNatGateway",
        describe: &["DescribeNatGateways"],
        field: "NatGatewayId",
        seconds: Seconds { create: 90.0, modify: 0.0, delete: 60.0 },
        shape: Shape {
            list: "natGatewaySet",
            item: "item",
            single: "natGateway",
            id: "natGatewayId",
            status: "state",
            creating: "pending",
            modifying: "available",
            deleting: "deleting",
            hidden: &[],
            envelope: &["DescribeNatGatewaysResponse"],
        },
        stays: true,
        busy: None,
    },
    // Interface endpoints only: gateway endpoints are there at once.
    // <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html>
    Kind {
        service: "ec2",
        name: "AWS::EC2::VPCEndpoint",
        create: &["CreateVpcEndpoint"],
        modify: &[],
        delete: "DeleteVpcEndpoints",
        describe: &["DescribeVpcEndpoints"],
        field: "VpcEndpointId",
        seconds: Seconds { create: 60.0, modify: 0.0, delete: 60.0 },
        shape: Shape {
            list: "vpcEndpointSet",
            item: "item",
            single: "vpcEndpoint",
            id: "vpcEndpointId",
            status: "state",
            creating: "pending",
            modifying: "available",
            deleting: "deleting",
            hidden: &[],
            envelope: &["DescribeVpcEndpointsResponse"],
        },
        stays: false,
        busy: None,
    },
    // A deleted load balancer is no longer described, but its network interfaces stay for a while.
    // <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>
    Kind {
        service: "elasticloadbalancing",
        name: "AWS::ElasticLoadBalancingV2::LoadBalancer",
        create: &["CreateLoadBalancer"],
        modify: &[],
        delete: "DeleteLoadBalancer",
        describe: &["DescribeLoadBalancers"],
        field: "LoadBalancerArn",
        seconds: Seconds { create: 120.0, modify: 0.0, delete: 20.0 },
        shape: Shape {
            list: "LoadBalancers",
            item: "member",
            single: "LoadBalancer",
            id: "LoadBalancerArn",
            status: "State/Code",
            creating: "provisioning",
            modifying: "active",
            deleting: "",
            hidden: &[],
            envelope: &["DescribeLoadBalancersResponse", "DescribeLoadBalancersResult"],
        },
        stays: false,
        busy: None,
    },
    // <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/HowToUpdateDistribution.html>
    Kind {
        service: "cloudfront",
        name: "AWS::CloudFront::Distribution",
        create: &["CreateDistribution"],
        modify: &["UpdateDistribution"],
        delete: "",
        describe: &["GetDistribution", "ListDistributions"],
        field: "",
        seconds: Seconds { create: 180.0, modify: 180.0, delete: 0.0 },
        shape: Shape {
            list: "Items",
            item: "DistributionSummary",
            single: "Distribution",
            id: "Id",
            status: "Status",
            creating: "InProgress",
            modifying: "InProgress",
            deleting: "",
            hidden: &[],
            envelope: &[],
        },
        stays: false,
        busy: None,
    },
];

/// A deletion that AWS refuses while something that is being deleted still holds what it names.
pub(super) struct Refusal {
    pub service: &'static str,
    pub operation: &'static str,
    pub field: &'static str,
    pub code: &'static str,
}

const fn refusal(service: &'static str, operation: &'static str, field: &'static str, code: &'static str) -> Refusal {
    Refusal { service, operation, field, code }
}

pub(super) const REFUSALS: &[Refusal] = &[
    refusal("ec2", "DeleteSubnet", "SubnetId", "DependencyViolation"),
    refusal("ec2", "DeleteSecurityGroup", "GroupId", "DependencyViolation"),
    refusal("ec2", "DetachInternetGateway", "VpcId", "DependencyViolation"),
    refusal("ec2", "DeleteVpc", "VpcId", "DependencyViolation"),
    refusal("ec2", "ReleaseAddress", "AllocationId", "InvalidIPAddress.InUse"),
    refusal("rds", "DeleteDBSubnetGroup", "DBSubnetGroupName", "InvalidDBSubnetGroupStateFault"),
    refusal("rds", "DeleteDBParameterGroup", "DBParameterGroupName", "InvalidDBParameterGroupState"),
    refusal("elasticache", "DeleteCacheSubnetGroup", "CacheSubnetGroupName", "CacheSubnetGroupInUse"),
    refusal("elasticache", "DeleteCacheParameterGroup", "CacheParameterGroupName", "InvalidCacheParameterGroupState"),
];

/// Elements of a description that name what the resource uses, and therefore holds until it is gone.
pub(super) const HOLDING: &[&str] = &[
    "subnetId",
    "SubnetIdentifier",
    "SubnetId",
    "groupId",
    "VpcSecurityGroupId",
    "SecurityGroupId",
    "vpcId",
    "VpcId",
    "allocationId",
    "DBSubnetGroupName",
    "DBParameterGroupName",
    "CacheSubnetGroupName",
    "CacheParameterGroupName",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_belong_to_one_kind() {
        let mut seen = std::collections::BTreeSet::new();
        for kind in KINDS {
            let all = kind.create.iter().chain(kind.modify).chain(kind.describe);
            for operation in all.chain([&kind.delete]).filter(|operation| !operation.is_empty()) {
                assert!(seen.insert((kind.service, operation)), "{} {operation}", kind.name);
            }
            assert!(kind.seconds.create > 0.0, "{}", kind.name);
        }
    }
}
