"""What the simulated Slack workspace has: tokens, channels and incoming webhooks."""

from dataclasses import dataclass, field


@dataclass
class SlackSettings:
    """`channels` maps a name to its id; `webhooks` maps a path under /services/ to a channel's name."""

    tokens: set[str] = field(default_factory=lambda: {"xoxb-sandbox-token"})
    channels: dict[str, str] = field(default_factory=lambda: {"#billing": "C0BILLING", "#southern-accounts": "C0SOUTHERN"})
    webhooks: dict[str, str] = field(default_factory=lambda: {"T0/B0/secret": "#billing"})
    text_required: bool = True  # real Slack only warns when blocks come without the fallback text
    most_block_characters: int = 13_200  # JSON of all blocks; measured by users, documented nowhere
