"""Try whether an issuer answers about tokens: ask about one that does not exist."""

from secrets import token_urlsafe

from aiohttp import ClientSession

from gateway.cli.asked_issuer import ask_issuer
from gateway.introspection.asking import NoAnswer
from gateway.settings.text.document import Part
from gateway.settings.text.fault import Code, Fault
from gateway.settings.values.configuration import IntrospectionSettings, IssuerSettings


async def try_introspection(
    session: ClientSession, settings: IssuerSettings, asked: IntrospectionSettings, part: Part
) -> Fault | None:
    """Return why the issuer of *settings*, at *part*, does not answer; None if it does.

    It must say that a token which was never issued is not active.
    """
    found = await ask_issuer(session, settings, asked, token_urlsafe(32).encode("ascii"))
    if isinstance(found, NoAnswer):
        return part.fault(Code.INTROSPECTION_UNUSABLE, found.detail)
    if found.is_active:
        message = "it says that a token is active which was never issued"
        return part.fault(Code.INTROSPECTION_UNUSABLE, message)
    return None
