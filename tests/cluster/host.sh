#!/bin/sh
# The first process of one host of the rehearsal, in namespaces of its own (network, mounts, processes, host name): makes
# the host's file system and becomes its SSH server. `tests.cluster.hosts` starts it.
#
#   host.sh NAME FOLDER SHARED USER PUBLIC_KEY PREFIX
#
# The file system is this machine's, with every change kept in FOLDER: what one host writes, no other one sees. Only SHARED
# is the same folder on all, as /mnt/results, in the place of a network file system. PREFIX is the Python environment.
set -eu
name=$1 folder=$2 shared=$3 user=$4 public_key=$5 prefix=$6
root="$folder/root"

hostname "$name"
mount --make-rprivate /
mkdir -p "$folder/changes" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/changes,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777,size=1g tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=755,size=64m tmpfs "$root/run"
rm -rf "$root/tmp/ray"
mkdir -p "$root/run/sshd" "$root/mnt/results"
chmod 1777 "$root/tmp"
mount --bind "$shared" "$root/mnt/results"

chroot "$root" useradd --password '*' --create-home --shell /bin/bash "$user" 2>/dev/null || true
home="$root/home/$user"
mkdir -p "$home/.ssh" "$home/transfer"
echo "$public_key" >"$home/.ssh/authorized_keys"
# The environment is installed already: install.sh finds the lock that it was made from.
cp requirements.lock "$root$prefix/installed.lock"
ln -sfn "$prefix" "$home/transfer/.venv"
chmod 700 "$home/.ssh"
chown -R "$(chroot "$root" id -u "$user")" "$home"
# The environment and its interpreter may lie in folders that are closed to others.
for path in "$prefix" "$(readlink -f "$prefix/bin/python")"; do
    while [ "$path" != / ]; do
        chmod a+rx "$root$path"
        path=$(dirname "$path")
    done
done
chroot "$root" chown "$user:" /mnt/results

chroot "$root" ssh-keygen -A >/dev/null
exec chroot "$root" /usr/sbin/sshd -D -e -o PermitUserEnvironment=no -o MaxStartups=100 -o UsePAM=no
