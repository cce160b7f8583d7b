"""A network-policy engine for one node: NetworkPolicies of the API become one nftables table of that node.

``model`` and ``manifests`` say what is judged, ``compile`` writes the ruleset, ``enforcer`` follows the API and applies
it, ``state`` tells a test what is in force. Nothing of it is in the product.
"""
