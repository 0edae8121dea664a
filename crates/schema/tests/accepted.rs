//! Resources as people write them, with all that CloudFormation allows, are accepted.

use schema::validate;
use serde_json::{Value, json};

#[test]
fn good_resources_have_no_violations() {
    let assume = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Condition": {"StringEquals": {"a": "b"}}}]});
    let vpc = json!({"Ref": "Vpc"});
    let cases: Vec<(&str, Value)> = vec![
        (
            "AWS::EC2::VPC",
            json!({"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": true, "EnableDnsSupport": "true",
            "Tags": [{"Key": "Name", "Value": "main"}]}),
        ),
        (
            "AWS::EC2::Subnet",
            json!({"VpcId": vpc, "CidrBlock": {"Fn::Select": [0, {"Fn::Cidr": ["10.0.0.0/16", 4, 8]}]},
            "AvailabilityZone": "us-east-1a"}),
        ),
        ("AWS::EC2::Subnet", json!({"VpcId": "vpc-0a1b2c3d4e5f60718", "CidrBlock": "10.0.1.0/24"})),
        (
            "AWS::EC2::NatGateway",
            json!({"SubnetId": {"Ref": "Public"}, "AllocationId": {"Fn::GetAtt": ["Eip", "AllocationId"]}}),
        ),
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            json!({"Type": "application", "Scheme": "internet-facing",
            "Subnets": [{"Ref": "A"}, {"Ref": "B"}], "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": 60}]}),
        ),
        (
            "AWS::RDS::DBInstance",
            json!({"Engine": "postgres", "EngineVersion": "15.10", "DBInstanceClass": "db.t3.small",
            "AllocatedStorage": "20", "MaxAllocatedStorage": 100, "MasterUsername": "app",
            "MasterUserPassword": "{{resolve:secretsmanager:db:SecretString:password}}", "MultiAZ": false}),
        ),
        (
            "AWS::ECS::Service",
            json!({"Cluster": {"Ref": "C"}, "TaskDefinition": {"Ref": "T"}, "DesiredCount": 2, "LaunchType": "FARGATE",
            "DeploymentConfiguration": {"DeploymentCircuitBreaker": {"Enable": true, "Rollback": true}},
            "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": [{"Ref": "A"}], "AssignPublicIp": "DISABLED"}},
            "LoadBalancers": {"Fn::If": ["HasBalancer", [{"ContainerPort": 80, "ContainerName": "api"}], {"Ref": "AWS::NoValue"}]}}),
        ),
        (
            "AWS::ECS::TaskDefinition",
            json!({"Family": "api", "Cpu": "512", "Memory": 1024, "NetworkMode": "awsvpc",
            "RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": [{"Name": "api", "Image": "nginx",
            "PortMappings": [{"ContainerPort": 80}], "Environment": [{"Name": "A", "Value": "1"}]}]}),
        ),
        ("AWS::IAM::Role", json!({"AssumeRolePolicyDocument": assume, "RoleName": "api-task"})),
        ("AWS::IAM::Role", json!({"AssumeRolePolicyDocument": assume.to_string()})),
        ("AWS::S3::Bucket", json!({"BucketName": "assets", "VersioningConfiguration": {"Status": "Enabled"}})),
        ("AWS::SSM::Parameter", json!({"Name": "/app/x", "Type": "String", "Value": "v", "Tags": {"team": "core"}})),
        (
            "AWS::CloudFront::Distribution",
            json!({"DistributionConfig": {"Enabled": true, "PriceClass": "PriceClass_100",
            "Origins": [{"Id": "web", "DomainName": {"Fn::GetAtt": ["B", "RegionalDomainName"]}, "S3OriginConfig": {}}],
            "DefaultCacheBehavior": {"TargetOriginId": "web", "ViewerProtocolPolicy": "redirect-to-https"}}}),
        ),
        (
            "AWS::CloudWatch::Alarm",
            json!({"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 2,
            "MetricName": "CPUUtilization", "Namespace": "AWS/ECS", "Period": 60, "Statistic": "Average", "Threshold": 80}),
        ),
        ("AWS::Moon::Base", json!({"Anything": 1})),
    ];
    for (type_name, properties) in cases {
        let found: Vec<String> = validate(type_name, &properties).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{type_name} {properties}: {found:#?}");
    }
}
