"""Where clouds answer machines of theirs without a password, with credentials among other things: never reachable.

Some of these addresses look public, some lie in private networks. From the clouds' own documentation and programs:

- AWS (169.254.169.254, .253, .123, 169.254.170.2 and .23; over IPv6 fd00:ec2::254, ::253, ::123, ::23):
  docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html,
  docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html, docs.rs/aws-config (imds::client::EndpointMode)
- Azure (169.254.169.254; 168.63.129.16, which also hands out a machine's certificates and extensions):
  learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
- Google (169.254.169.254, metadata.google.internal, fd20:ce::254):
  cloud.google.com/compute/docs/metadata/querying-metadata
- Oracle (169.254.169.254, fd00:c1::a9fe:a9fe; 192.0.0.192 in its older cloud): github.com/oracle/oci-python-sdk,
  instance_principals_security_token_signer.py
- Alibaba (100.100.100.200, fd00:100::100:200): alibabacloud.com/help/ecs/user-guide/view-instance-metadata
- Tencent (169.254.0.23, metadata.tencentyun.com): tencentcloud.com/document/product/213/4934
- Scaleway (169.254.42.42, fd00:42::42): cloudinit.readthedocs.io, datasource Scaleway
- Akamai (169.254.169.254, fd00:a9fe:a9fe::1): techdocs.akamai.com/cloud-computing/docs/overview-of-the-metadata-service
- Equinix Metal (metadata.platformequinix.com, at a public address): deploy.equinix.com/developers/docs/metal
- OpenStack, DigitalOcean, Hetzner, IBM and others: 169.254.169.254; OpenStack also fe80::a9fe:a9fe

Link-local networks are refused whole. So are AWS's fd00:ec2::/32 and, wherever it is put into an IPv6 address by a
translator whose prefix nobody here knows (NAT64 of one's own, ISATAP), each IPv4 address of this list.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

NAMES = frozenset(
    (
        *("metadata.google.internal", "metadata.goog", "metadata", "instance-data", "instance-data.ec2.internal"),
        *("metadata.tencentyun.com", "metadata.platformequinix.com", "metadata.packet.net", "rancher-metadata"),
        *("api.metadata.cloud.ibm.com",),
    )
)

_NETWORKS: Sequence[IPv4Network | IPv6Network] = [
    ip_network(network)
    for network in (
        *("169.254.0.0/16", "fe80::/10", "168.63.129.16", "192.0.0.192", "100.100.100.200"),
        *("fd00:ec2::/32", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:100::100:200", "fd00:42::42"),
        *("fd00:a9fe:a9fe::1",),
    )
]
_EMBEDDED = {
    int(IPv4Address(address))
    for address in (
        *("169.254.169.254", "169.254.169.253", "169.254.169.123", "169.254.170.2", "169.254.170.23"),
        *("169.254.0.23", "169.254.42.42", "168.63.129.16", "192.0.0.192", "100.100.100.200"),
    )
}


def names_metadata(host: str) -> bool:
    """Whether the host, in canonical spelling, is the name or address of a cloud's metadata service."""
    try:
        return host in NAMES or is_metadata(ip_address(host))
    except ValueError:
        return False


def is_metadata(address: IPv4Address | IPv6Address) -> bool:
    """Whether a cloud's metadata service may answer there. Of embedded IPv4 addresses only those at the end count."""
    if any(address in network for network in _NETWORKS):
        return True
    return address.version == 6 and int(address) & 0xFFFFFFFF in _EMBEDDED
