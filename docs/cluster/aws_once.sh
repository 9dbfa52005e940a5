#!/bin/sh
# Run this once per account and region, before the first `ray up cluster.yaml`. It creates a firewall that accepts SSH from
# your own address only, and an encrypted file system (EFS) in the default VPC, and prints the values that cluster.yaml asks
# for. A second call finds what the first one created. It needs the `aws` command line and its credentials.
#
#   sh docs/cluster/aws_once.sh REGION [YOUR_ADDRESS/32]
set -eu
export AWS_REGION="${1:?give the region, such as us-east-1}" AWS_DEFAULT_OUTPUT=text
from="${2:-$(curl -fs https://checkip.amazonaws.com)/32}"
name=knowledge-transfer

vpc=$(aws ec2 describe-vpcs --filters Name=is-default,Values=true --query 'Vpcs[0].VpcId')
group=$(aws ec2 describe-security-groups --filters "Name=group-name,Values=$name" "Name=vpc-id,Values=$vpc" \
    --query 'SecurityGroups[0].GroupId')
if [ "$group" = None ]; then
    group=$(aws ec2 create-security-group --group-name "$name" --vpc-id "$vpc" --query GroupId \
        --description "machines of a sweep: one another, and SSH from one address")
    aws ec2 authorize-security-group-ingress --group-id "$group" --protocol all --source-group "$group" >/dev/null
    aws ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 22 --cidr "$from" >/dev/null
fi

files=$(aws efs describe-file-systems --creation-token "$name" --query 'FileSystems[0].FileSystemId')
if [ "$files" = None ]; then
    files=$(aws efs create-file-system --creation-token "$name" --encrypted --throughput-mode elastic \
        --tags "Key=Name,Value=$name" --query FileSystemId)
    until [ "$(aws efs describe-file-systems --file-system-id "$files" --query 'FileSystems[0].LifeCycleState')" = available ]; do
        sleep 3
    done
fi
there=$(aws efs describe-mount-targets --file-system-id "$files" --query 'MountTargets[].SubnetId')
for subnet in $(aws ec2 describe-subnets --filters "Name=vpc-id,Values=$vpc" --query 'Subnets[].SubnetId'); do
    case " $there " in
    *"$subnet"*) ;;
    *) aws efs create-mount-target --file-system-id "$files" --subnet-id "$subnet" --security-groups "$group" >/dev/null ;;
    esac
done

image=$(aws ssm get-parameter --query Parameter.Value \
    --name /aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id)
echo "in cluster.yaml:"
echo "  region:  $AWS_REGION"
echo "  ImageId: $image"
echo "  storage: $files.efs.$AWS_REGION.amazonaws.com:/"
