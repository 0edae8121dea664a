//! Repairs that the developers of the resource handlers asked for: each test fails against the bare emulator.

mod common;

use common::{Cloud, first};
use serde_json::{Value, json};

const ELASTICACHE: &str = "elasticache";

#[tokio::test(flavor = "multi_thread")]
async fn rules_to_groups_keep_their_description_and_owner() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let group = ("GroupId", network.group.as_str());
    let rule = [
        group,
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "5432"),
        ("IpPermissions.1.ToPort", "5432"),
        ("IpPermissions.1.Groups.1.GroupId", &network.group),
    ];
    let described = |text: &'static str| [&rule[..], &[("IpPermissions.1.Groups.1.Description", text)]].concat();
    let live = |name: &str| {
        let rules = cloud.ok(
            "ec2",
            "DescribeSecurityGroupRules",
            &[("Filter.1.Name", "group-id"), ("Filter.1.Value.1", &network.group)],
        );
        let of_group = rules.split("<item>").find(|item| item.contains("<referencedGroupInfo>")).unwrap();
        first(of_group, name)
    };
    let made = cloud.ok("ec2", "AuthorizeSecurityGroupIngress", &described("database"));
    assert_eq!(first(&made, "description").as_deref(), Some("database"));
    assert_eq!(live("description").as_deref(), Some("database"));
    assert_eq!(live("groupOwnerId").as_deref(), Some("123456789012"));
    cloud.ok("ec2", "UpdateSecurityGroupRuleDescriptionsIngress", &described("postgres"));
    assert_eq!(live("description").as_deref(), Some("postgres"), "a rule with another description is the same rule");
    cloud.ok("ec2", "UpdateSecurityGroupRuleDescriptionsIngress", &rule);
    assert_eq!(live("description"), None, "no description takes the old one away");

    let id = live("securityGroupRuleId").unwrap();
    let change = [
        group,
        ("SecurityGroupRule.1.SecurityGroupRuleId", &*id),
        ("SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "tcp"),
        ("SecurityGroupRule.1.SecurityGroupRule.FromPort", "5432"),
        ("SecurityGroupRule.1.SecurityGroupRule.ToPort", "5432"),
        ("SecurityGroupRule.1.SecurityGroupRule.ReferencedGroupId", &network.group),
        ("SecurityGroupRule.1.SecurityGroupRule.Description", "changed"),
    ];
    cloud.ok("ec2", "ModifySecurityGroupRules", &change);
    assert_eq!(live("description").as_deref(), Some("changed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_gone_is_not_listed_by_its_tags() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let listed = || {
        let filter = json!({"TagFilters": [{"Key": "team"}]});
        let (_, found) = cloud.json("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", &filter);
        found["ResourceTagMappingList"].as_array().map_or(0, Vec::len)
    };
    let rule = |port: &'static str| {
        let rule = [
            ("GroupId", network.group.as_str()),
            ("IpPermissions.1.IpProtocol", "tcp"),
            ("IpPermissions.1.FromPort", port),
            ("IpPermissions.1.ToPort", port),
            ("IpPermissions.1.IpRanges.1.CidrIp", "10.0.0.0/16"),
            ("TagSpecification.1.ResourceType", "security-group-rule"),
            ("TagSpecification.1.Tag.1.Key", "team"),
            ("TagSpecification.1.Tag.1.Value", "a"),
        ];
        let made = cloud.ok("ec2", "AuthorizeSecurityGroupIngress", &rule);
        first(&made, "securityGroupRuleId").unwrap()
    };
    let [revoked, _] = ["80", "443"].map(rule);
    let address = [
        ("Domain", "vpc"),
        ("TagSpecification.1.ResourceType", "elastic-ip"),
        ("TagSpecification.1.Tag.1.Key", "team"),
        ("TagSpecification.1.Tag.1.Value", "a"),
    ];
    let address = first(&cloud.ok("ec2", "AllocateAddress", &address), "allocationId").unwrap();
    assert_eq!(listed(), 3);
    let revoke = [("GroupId", &*network.group), ("SecurityGroupRuleId.1", &revoked)];
    cloud.ok("ec2", "RevokeSecurityGroupIngress", &revoke);
    assert_eq!(listed(), 2, "a rule that was revoked");
    cloud.ok("ec2", "DeleteSecurityGroup", &[("GroupId", &network.group)]);
    assert_eq!(listed(), 1, "a rule of a group that was deleted");
    cloud.ok("ec2", "ReleaseAddress", &[("AllocationId", &address)]);
    assert_eq!(listed(), 0, "an address that was released");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_to_prefix_lists_keep_their_description() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let list = [
        ("PrefixListName", "offices"),
        ("MaxEntries", "2"),
        ("AddressFamily", "IPv4"),
        ("Entry.1.Cidr", "192.0.2.0/24"),
    ];
    let list = first(&cloud.ok("ec2", "CreateManagedPrefixList", &list), "prefixListId").unwrap();
    let rule = [
        ("GroupId", &*network.group),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "443"),
        ("IpPermissions.1.ToPort", "443"),
        ("IpPermissions.1.PrefixListIds.1.PrefixListId", &list),
        ("IpPermissions.1.PrefixListIds.1.Description", "offices"),
    ];
    cloud.ok("ec2", "AuthorizeSecurityGroupIngress", &rule);
    let filter = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", &*network.group)];
    let rules = cloud.ok("ec2", "DescribeSecurityGroupRules", &filter);
    let rule = rules.split("<item>").find(|item| item.contains(&list)).unwrap();
    assert_eq!(first(rule, "description").as_deref(), Some("offices"), "{rules}");
    let groups = cloud.ok("ec2", "DescribeSecurityGroups", &[("GroupId.1", &network.group)]);
    assert!(first(&groups, "prefixListIds").unwrap().contains("<description>offices</description>"), "{groups}");
}

#[tokio::test(flavor = "multi_thread")]
async fn network_acls_and_route_tables_answer_as_aws_does() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let vpc = ("VpcId", network.vpc.as_str());
    let acl = first(&cloud.ok("ec2", "CreateNetworkAcl", &[vpc]), "networkAclId").unwrap();
    let entry = |code| {
        [
            ("NetworkAclId", &*acl),
            ("RuleNumber", "100"),
            ("Protocol", "1"),
            ("RuleAction", "allow"),
            ("Egress", "false"),
            ("CidrBlock", "0.0.0.0/0"),
            ("Icmp.Type", "8"),
            ("Icmp.Code", code),
        ]
    };
    let live = || {
        let filter = [("Filter.1.Name", "network-acl-id"), ("Filter.1.Value.1", &*acl)];
        let acls = cloud.ok("ec2", "DescribeNetworkAcls", &filter);
        assert_eq!(acls.matches("<networkAclId>").count(), 1, "{acls}");
        let icmp = first(&acls, "icmpTypeCode").unwrap();
        (first(&icmp, "type").unwrap(), first(&icmp, "code").unwrap())
    };
    cloud.ok("ec2", "CreateNetworkAclEntry", &entry("-1"));
    assert_eq!(live(), ("8".to_owned(), "-1".to_owned()));
    cloud.ok("ec2", "ReplaceNetworkAclEntry", &entry("0"));
    assert_eq!(live(), ("8".to_owned(), "0".to_owned()));

    let table = || first(&cloud.ok("ec2", "CreateRouteTable", &[vpc]), "routeTableId").unwrap();
    let (one, other) = (table(), table());
    let associate = |table| [("RouteTableId", table), ("SubnetId", &*network.subnets[0])];
    let made = first(&cloud.ok("ec2", "AssociateRouteTable", &associate(&one)), "associationId").unwrap();
    let again = first(&cloud.ok("ec2", "AssociateRouteTable", &associate(&one)), "associationId").unwrap();
    assert_eq!(made, again);
    cloud.refused("ec2", "AssociateRouteTable", &associate(&other), "Resource.AlreadyAssociated");
    cloud.ok("ec2", "ReplaceRouteTableAssociation", &[("AssociationId", &made), ("RouteTableId", &other)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_logs_go_to_buckets() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let create = [
        ("ResourceId.1", &*network.vpc),
        ("ResourceType", "VPC"),
        ("TrafficType", "ALL"),
        ("LogDestinationType", "s3"),
        ("LogDestination", "arn:aws:s3:::logs-of-tests/vpc/"),
        ("DestinationOptions.FileFormat", "parquet"),
        ("DestinationOptions.PerHourPartition", "true"),
    ];
    cloud.ok("ec2", "CreateFlowLogs", &create);
    let live = cloud.ok("ec2", "DescribeFlowLogs", &[]);
    assert_eq!(first(&live, "logDestination").as_deref(), Some("arn:aws:s3:::logs-of-tests/vpc/"), "{live}");
    assert_eq!(first(&live, "fileFormat").as_deref(), Some("parquet"), "{live}");
    assert_eq!(first(&live, "perHourPartition").as_deref(), Some("true"), "{live}");
    assert_eq!(first(&live, "hiveCompatiblePartitions").as_deref(), Some("false"), "{live}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_scaling_policy_keeps_its_arn() {
    let cloud = Cloud::start(0.0).await;
    cloud.ecs("CreateCluster", &json!({"clusterName": "c"}));
    let container = json!({"name": "api", "image": "api:1", "memory": 512});
    cloud.ecs("RegisterTaskDefinition", &json!({"family": "api", "containerDefinitions": [container]}));
    let service = json!({"cluster": "c", "serviceName": "api", "taskDefinition": "api", "desiredCount": 1});
    cloud.ecs("CreateService", &service);
    let scaling = |operation: &str, more: &Value| {
        let mut body = json!({"ServiceNamespace": "ecs", "ResourceId": "service/c/api", "ScalableDimension": "ecs:service:DesiredCount"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, answer) =
            cloud.json("application-autoscaling", &format!("AnyScaleFrontendService.{operation}"), &body);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    };
    scaling("RegisterScalableTarget", &json!({"MinCapacity": 1, "MaxCapacity": 4}));
    let put = |target: f64| {
        let metric = json!({"PredefinedMetricType": "ECSServiceAverageCPUUtilization"});
        let policy = json!({"TargetValue": target, "PredefinedMetricSpecification": metric});
        let body = json!({"PolicyName": "cpu", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": policy});
        scaling("PutScalingPolicy", &body)["PolicyARN"].clone()
    };
    let arn = put(70.0);
    assert_eq!(put(60.0), arn);
    let live = scaling("DescribeScalingPolicies", &json!({}))["ScalingPolicies"][0].clone();
    assert_eq!(live["PolicyARN"], arn);
    assert_eq!(live["TargetTrackingScalingPolicyConfiguration"]["TargetValue"], 60.0);
    scaling("DeleteScalingPolicy", &json!({"PolicyName": "cpu"}));
    assert_ne!(put(70.0), arn, "another policy after a deletion");
}

#[tokio::test(flavor = "multi_thread")]
async fn scanning_is_off_where_not_said() {
    let cloud = Cloud::start(0.0).await;
    let ecr = |operation: &str, body: &Value| {
        let (status, answer) = cloud.json("ecr", &format!("AmazonEC2ContainerRegistry_V20150921.{operation}"), body);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    };
    ecr("CreateRepository", &json!({"repositoryName": "api", "imageScanningConfiguration": {"scanOnPush": true}}));
    ecr("PutImageScanningConfiguration", &json!({"repositoryName": "api", "imageScanningConfiguration": {}}));
    let live = ecr("DescribeRepositories", &json!({"repositoryNames": ["api"]}));
    assert_eq!(live["repositories"][0]["imageScanningConfiguration"]["scanOnPush"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboards_have_tags() {
    let cloud = Cloud::start(0.0).await;
    let call = |operation: &str, body: &Value| {
        cloud.json("monitoring", &format!("GraniteServiceVersion20100801.{operation}"), body)
    };
    let put = |value: &str| {
        let tags = json!([{"Key": "env", "Value": value}]);
        let (status, answer) =
            call("PutDashboard", &json!({"DashboardName": "main", "DashboardBody": "{\"widgets\":[]}", "Tags": tags}));
        assert_eq!(status, 200, "{answer}");
    };
    let resource = json!({"ResourceARN": "arn:aws:cloudwatch::123456789012:dashboard/main"});
    let with = |more: Value| {
        let mut body = resource.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let live = || call("ListTagsForResource", &resource).1["Tags"].clone();
    assert_eq!(call("ListTagsForResource", &resource).0, 404);
    put("prod");
    assert_eq!(live(), json!([{"Key": "env", "Value": "prod"}]));
    put("dev");
    assert_eq!(live(), json!([{"Key": "env", "Value": "prod"}]), "tags count for a new dashboard only");
    assert_eq!(call("TagResource", &with(json!({"Tags": [{"Key": "team", "Value": "a"}]}))).0, 200);
    assert_eq!(call("UntagResource", &with(json!({"TagKeys": ["env"]}))).0, 200);
    assert_eq!(live(), json!([{"Key": "team", "Value": "a"}]));
    let filter = json!({"TagFilters": [{"Key": "team"}]});
    let (_, found) = cloud.json("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", &filter);
    assert_eq!(found["ResourceTagMappingList"][0]["ResourceARN"], resource["ResourceARN"], "{found}");
    assert_eq!(call("DeleteDashboards", &json!({"DashboardNames": ["main"]})).0, 200);
    assert_eq!(call("ListTagsForResource", &resource).0, 404);
    put("dev");
    assert_eq!(live(), json!([{"Key": "env", "Value": "dev"}]), "a deleted dashboard's tags are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_topic_is_returned_only_if_it_is_the_same() {
    let cloud = Cloud::start(0.0).await;
    let topic = |tag, name| {
        [
            ("Name", "alerts"),
            ("Tags.member.1.Key", "env"),
            ("Tags.member.1.Value", tag),
            ("Attributes.entry.1.key", "DisplayName"),
            ("Attributes.entry.1.value", name),
        ]
    };
    let create = |fields: &[(&str, &str)]| first(&cloud.ok("sns", "CreateTopic", fields), "TopicArn").unwrap();
    let arn = create(&topic("prod", "Alerts"));
    assert_eq!(create(&topic("prod", "Alerts")), arn);
    assert_eq!(create(&[("Name", "alerts")]), arn, "nothing asked for, nothing different");
    for (fields, what) in [(topic("dev", "Alerts"), "tags"), (topic("prod", "Other"), "attributes")] {
        cloud.refused("sns", "CreateTopic", &fields, "InvalidParameter");
        let text = cloud.query("sns", "CreateTopic", &fields).text();
        assert!(text.contains(&format!("Topic already exists with different {what}")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn description_of_a_secret_can_be_emptied() {
    let cloud = Cloud::start(0.0).await;
    let call = |operation: &str, body: &Value| {
        let (status, answer) = cloud.json("secretsmanager", &format!("secretsmanager.{operation}"), body);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    };
    call("CreateSecret", &json!({"Name": "db", "Description": "the database", "SecretString": "x"}));
    call("UpdateSecret", &json!({"SecretId": "db", "ClientRequestToken": "0123456789-0123456789-0123456789-1"}));
    assert_eq!(call("DescribeSecret", &json!({"SecretId": "db"}))["Description"], "the database");
    call(
        "UpdateSecret",
        &json!({"SecretId": "db", "ClientRequestToken": "0123456789-0123456789-0123456789-2", "Description": ""}),
    );
    assert_eq!(call("DescribeSecret", &json!({"SecretId": "db"}))["Description"].as_str().unwrap_or(""), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_and_caches_have_addresses_of_their_own() {
    let cloud = Cloud::start(0.0).await;
    let database = |name: &str| {
        let fields = [
            ("DBInstanceIdentifier", name),
            ("Engine", "postgres"),
            ("DBInstanceClass", "db.t3.small"),
            ("AllocatedStorage", "20"),
            ("MasterUsername", "adm"),
            ("MasterUserPassword", "secretsecret"),
        ];
        cloud.ok("rds", "CreateDBInstance", &fields);
        first(&cloud.ok("rds", "DescribeDBInstances", &[("DBInstanceIdentifier", name)]), "Address").unwrap()
    };
    let (one, other) = (database("one"), database("other"));
    let middle = one.strip_prefix("one.").and_then(|rest| rest.strip_suffix(".us-east-1.rds.amazonaws.com")).unwrap();
    assert!(middle.len() == 12 && middle.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{one}");
    assert_eq!(other, format!("other.{middle}.us-east-1.rds.amazonaws.com"));

    let aurora = [
        ("DBClusterIdentifier", "wide"),
        ("Engine", "aurora-postgresql"),
        ("MasterUsername", "adm"),
        ("MasterUserPassword", "secretsecret"),
    ];
    cloud.ok("rds", "CreateDBCluster", &aurora);
    let member = [
        ("DBInstanceIdentifier", "wide-1"),
        ("DBClusterIdentifier", "wide"),
        ("Engine", "aurora-postgresql"),
        ("DBInstanceClass", "db.t4g.medium"),
    ];
    cloud.ok("rds", "CreateDBInstance", &member);
    let cluster = cloud.ok("rds", "DescribeDBClusters", &[("DBClusterIdentifier", "wide")]);
    assert!(first(&cluster, "Endpoint").unwrap().starts_with("wide.cluster-c"), "{cluster}");
    assert!(first(&cluster, "ReaderEndpoint").unwrap().starts_with("wide.cluster-ro-c"), "{cluster}");

    let group = |name: &str, encrypted: &str| {
        let fields = [
            ("ReplicationGroupId", name),
            ("ReplicationGroupDescription", "d"),
            ("Engine", "redis"),
            ("CacheNodeType", "cache.t3.micro"),
            ("NumCacheClusters", "2"),
            ("TransitEncryptionEnabled", encrypted),
        ];
        cloud.ok(ELASTICACHE, "CreateReplicationGroup", &fields);
        let live = cloud.ok(ELASTICACHE, "DescribeReplicationGroups", &[("ReplicationGroupId", name)]);
        ["PrimaryEndpoint", "ReaderEndpoint"].map(|end| first(&first(&live, end).unwrap(), "Address").unwrap())
    };
    let [primary, reader] = group("safe", "true");
    let middle =
        primary.strip_prefix("master.safe.").and_then(|rest| rest.strip_suffix(".use1.cache.amazonaws.com")).unwrap();
    assert_eq!(middle.len(), 6, "{primary}");
    assert_eq!(reader, format!("replica.safe.{middle}.use1.cache.amazonaws.com"));
    let plain = group("plain", "false");
    assert_eq!(plain[0], format!("plain.{middle}.ng.0001.use1.cache.amazonaws.com"));
    assert_eq!(plain[1], format!("plain-ro.{middle}.ng.0001.use1.cache.amazonaws.com"));
    let nodes = cloud.ok(ELASTICACHE, "DescribeCacheClusters", &[("ShowCacheNodeInfo", "true")]);
    assert!(!nodes.contains("<Address>redis<") && !nodes.contains("<Address>localhost<"), "{nodes}");
}

/// What the launchers put off until it is asked for is there when it is.
#[tokio::test(flavor = "multi_thread")]
async fn images_types_and_policies_are_there() {
    let cloud = Cloud::start(0.0).await;
    let count = |action: &str, fields: &[(&str, &str)], element: &str| {
        cloud.ok("ec2", action, fields).matches(&format!("<{element}>")).count()
    };
    assert!(count("DescribeSnapshots", &[], "snapshotId") > 500);
    assert!(count("DescribeImages", &[("Owner.1", "amazon")], "imageId") > 500);
    assert!(count("DescribeRegions", &[], "regionName") > 20);
    let offered =
        [("LocationType", "availability-zone"), ("Filter.1.Name", "instance-type"), ("Filter.1.Value.1", "t3.micro")];
    assert!(count("DescribeInstanceTypeOfferings", &offered, "instanceType") > 1);
    let policy = [("PolicyArn", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")];
    cloud.ok("iam", "GetPolicy", &policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_snapshot_is_made() {
    let cloud = Cloud::start(0.0).await;
    let instance = [
        ("DBInstanceIdentifier", "db"),
        ("Engine", "postgres"),
        ("DBInstanceClass", "db.t3.small"),
        ("AllocatedStorage", "20"),
        ("MasterUsername", "adm"),
        ("MasterUserPassword", "secretsecret"),
    ];
    let last = [("DBInstanceIdentifier", "db"), ("FinalDBSnapshotIdentifier", "db-final")];
    let snapshots = || cloud.ok("rds", "DescribeDBSnapshots", &[("SnapshotType", "manual")]);
    cloud.ok("rds", "CreateDBInstance", &[&instance[..], &[("DeletionProtection", "true")]].concat());
    cloud.refused("rds", "DeleteDBInstance", &last, "InvalidParameterCombination");
    assert!(!snapshots().contains("db-final"), "a deletion that was refused leaves no snapshot");
    cloud.ok("rds", "ModifyDBInstance", &[instance[0], ("DeletionProtection", "false"), ("ApplyImmediately", "true")]);
    cloud.ok("rds", "DeleteDBInstance", &last);
    cloud.refused("rds", "DeleteDBInstance", &last, "DBInstanceNotFound");
    assert!(snapshots().contains("<DBSnapshotIdentifier>db-final<"));
    cloud.ok("rds", "CreateDBInstance", &instance);
    cloud.refused("rds", "DeleteDBInstance", &last, "DBSnapshotAlreadyExists");
    cloud.ok("rds", "DeleteDBInstance", &[instance[0], ("SkipFinalSnapshot", "true")]);

    let group =
        [("ReplicationGroupId", "cache"), ("ReplicationGroupDescription", "d"), ("CacheNodeType", "cache.t3.micro")];
    cloud.ok(ELASTICACHE, "CreateReplicationGroup", &group);
    let last = [("ReplicationGroupId", "cache"), ("FinalSnapshotIdentifier", "cache-final")];
    cloud.ok(ELASTICACHE, "DeleteReplicationGroup", &last);
    let snapshots = cloud.ok(ELASTICACHE, "DescribeSnapshots", &[]);
    assert!(snapshots.contains("<SnapshotName>cache-final<"), "{snapshots}");
    assert!(first(&snapshots, "SnapshotCreateTime").unwrap().ends_with('Z'), "{snapshots}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_interface_holds_its_group_and_subnet() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let (subnet, group) = (("SubnetId", &*network.subnets[0]), ("GroupId", &*network.group));
    let interface = [subnet, ("SecurityGroupId.1", &*network.group), ("Description", "by hand")];
    let made = cloud.ok("ec2", "CreateNetworkInterface", &interface);
    let id = first(&made, "networkInterfaceId").unwrap();
    cloud.refused("ec2", "DeleteSecurityGroup", &[group], "DependencyViolation");
    cloud.refused("ec2", "DeleteSubnet", &[subnet], "DependencyViolation");
    cloud.ok("ec2", "DeleteNetworkInterface", &[("NetworkInterfaceId", &id)]);
    cloud.ok("ec2", "DeleteSecurityGroup", &[group]);
    cloud.ok("ec2", "DeleteSubnet", &[subnet]);
}
