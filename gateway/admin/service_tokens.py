"""Show the tokens for services in ``/status``: never a part of one."""

from collections.abc import Mapping

from gateway.service_tokens.exchanges import Exchanges
from gateway.service_tokens.live_tokens import LiveServiceTokens
from gateway.service_tokens.own_token import OwnTokenStatus
from gateway.settings.values.configuration import ServiceGrant


def service_token_statuses(tokens: LiveServiceTokens) -> list[Mapping[str, object]]:
    """Return the status of the credentials of each upstream that has some."""
    own = [_own(one) for one in tokens.status()]
    return own + [_exchanges(name, one) for name, one in tokens.exchanges.items()]


def _own(token: OwnTokenStatus) -> Mapping[str, object]:
    return {
        "upstream": token.name,
        "grant": ServiceGrant.CLIENT_CREDENTIALS.value,
        "loaded": token.loaded,
        "age_seconds": token.age_seconds,
        "expires_in_seconds": token.expires_in_seconds,
        "failures_in_a_row": token.failures_in_a_row,
        "last_error": token.last_error,
    }


def _exchanges(name: str, exchanges: Exchanges) -> Mapping[str, object]:
    return {
        "upstream": name,
        "grant": ServiceGrant.TOKEN_EXCHANGE.value,
        "kept": len(exchanges),
        "failures_in_a_row": exchanges.failures_in_a_row,
        "last_error": exchanges.last_error,
    }
