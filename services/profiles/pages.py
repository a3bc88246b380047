"""The pages that customers see: plain HTML that works without scripts, with a style of its own and nothing from elsewhere.

Everything that is shown is escaped. The address of a page is a secret of the customer, so it is not passed on, kept or indexed.
"""

import base64
import hashlib
from collections.abc import Iterable
from html import escape

from werkzeug.wrappers import Response

from services.profiles.consent_desk import Party
from services.profiles.domain.consent.choices import Answer, asked_of_customers, shown
from services.profiles.domain.consent.preferences import Pace
from services.profiles.domain.consent.rules import ALL, ConsentRules, name_in
from services.profiles.domain.consent.standing import standing
from services.profiles.domain.consent.words import Scope
from services.profiles.texts import Voice

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:40rem;padding:1rem;color:#1a1a1a;background:#fff}"
    "fieldset{border:1px solid #767676;border-radius:.25rem;margin:0 0 1rem}label{display:block;padding:.25rem 0}"
    "button{font:inherit;padding:.5rem 1rem;margin:0 .5rem .5rem 0}[role=status]{border:2px solid #1b6e2c;padding:.5rem 1rem}"
    ":focus-visible{outline:3px solid #0b5fff;outline-offset:2px}"
)
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}
ALLOWED = "allow"  # the fields of the form; a scope is their value
TOPIC = "topic"


def voice_of(party: Party, accepted: Iterable[str]) -> Voice:
    """In which language a customer is spoken to: the one preferred, else that of the profile, else that of the browser."""
    traits = [party.customer.traits[name].value for name in ("language", "locale") if name in party.customer.traits]
    stated = [party.wishes.language, *traits]
    wanted = [str(tag).replace("_", "-") for tag in stated if tag]
    return Voice(party.rules.consent.texts, [*wanted, *accepted])


def preference_page(party: Party, voice: Voice, saved: bool = False) -> Response:
    """All that the customer may choose, as a form."""
    wishes, rules = party.wishes, party.rules.consent
    channels = [(one.id, name_in(one.names, voice.language, one.id)) for one in rules.channels]
    body = [
        f"<h1>{escape(voice['preferences_title'])}</h1>",
        f"<p role=status>{escape(voice['saved'])}</p>" if saved else f"<p>{escape(voice['preferences_intro'])}</p>",
        '<form method="post">',
        _fieldset(voice["permissions"], _permissions(party, voice)),
        _fieldset(voice["topics"], _topics(party, voice)) if rules.topics else "",
        _fieldset(voice["frequency"], _frequency(party, voice)),
        _select("channel", voice["channel"], channels, wishes.channel, voice),
        _select("language", voice["language"], [(tag, tag) for tag in languages(rules, wishes.language)], wishes.language, voice),
        f'<p><button name="do" value="save">{escape(voice["save"])}</button>',
        f'<button name="do" value="withdraw">{escape(voice["withdraw_all"])}</button></p></form>',
    ]
    return page(voice, voice["preferences_title"], body)


def opt_in_page(party: Party, scope: Scope, voice: Voice, confirmed: bool) -> Response:
    """What is to be confirmed, with the button that does; opening the page confirms nothing."""
    what = f"<p><strong>{escape(scope_name(scope, party.rules.consent, voice))}</strong></p>"
    asked = [
        f"<p>{escape(voice['confirm_intro'])}</p>",
        what,
        f'<form method="post"><button>{escape(voice["confirm"])}</button></form>',
    ]
    done = [f"<p role=status>{escape(voice['confirmed'])}</p>", what]
    return page(voice, voice["confirm_title"], [f"<h1>{escape(voice['confirm_title'])}</h1>", *(done if confirmed else asked)])


def refusal_page(voice: Voice, status: int) -> Response:
    """A link that is not good, or not any more."""
    return page(voice, voice["preferences_title"], [f"<h1>{escape(voice['not_valid'])}</h1>"], status)


def page(voice: Voice, title: str, body: Iterable[str], status: int = 200) -> Response:
    html = (
        f'<!doctype html><html lang="{escape(voice.language)}" dir="{voice.direction}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><main>{''.join(body)}</main></body></html>"
    )
    return Response(html, status=status, content_type="text/html; charset=utf-8", headers=_HEADERS)


def scope_name(scope: Scope, rules: ConsentRules, voice: Voice) -> str:
    """A purpose on a channel as customers read it."""
    purpose, channel = rules.purpose(scope.purpose), rules.channel(scope.channel)
    named = name_in(purpose.names, voice.language, purpose.id)
    if scope.channel == ALL:
        return named
    return f"{named}: {name_in(channel.names if channel else {}, voice.language, scope.channel)}"


def _permissions(party: Party, voice: Voice) -> str:
    rules = party.rules.consent
    found = {one.scope: one for one in shown(standing(party.customer.consent, rules), rules, party.now)}
    lines = []
    for scope in asked_of_customers(rules):
        waiting = found[scope].answer is Answer.PENDING
        label = scope_name(scope, rules, voice) + (f" ({voice['waiting']})" if waiting else "")
        lines.append(_checkbox(ALLOWED, scope.line, label, found[scope].may_be_contacted or waiting))
    return "".join(lines)


def _topics(party: Party, voice: Voice) -> str:
    chosen = party.wishes.topics
    return "".join(
        _checkbox(TOPIC, topic.id, name_in(topic.names, voice.language, topic.id), chosen.get(topic.id, topic.on))
        for topic in party.rules.consent.topics
    )


def _frequency(party: Party, voice: Voice) -> str:
    paces = [("", voice["no_preference"]), *((pace.value, voice[f"pace_{pace.value}"]) for pace in Pace)]
    held = party.wishes.pace.value if party.wishes.pace else ""
    radios = "".join(
        f'<label><input type="radio" name="pace" value="{value}"{" checked" if value == held else ""}> {escape(label)}</label>'
        for value, label in paces
    )
    number = party.wishes.per_week or 1
    return f'{radios}<label>{escape(voice["per_week"])} <input type="number" name="per_week" min="1" max="100" value="{number}"></label>'


def languages(rules: ConsentRules, held: str | None) -> list[str]:
    """Those that the shop has names or texts in, and the one that was chosen."""
    named = [*(one.names for one in rules.channels), *(one.names for one in rules.purposes), *(one.names for one in rules.topics)]
    return sorted({"en", *rules.texts, *(tag for names in named for tag in names), *([held] if held else [])})


def _fieldset(legend: str, inside: str) -> str:
    return f"<fieldset><legend>{escape(legend)}</legend>{inside}</fieldset>"


def _checkbox(name: str, value: str, label: str, checked: bool) -> str:
    mark = " checked" if checked else ""
    return f'<label><input type="checkbox" name="{name}" value="{escape(value)}"{mark}> {escape(label)}</label>'


def _select(name: str, label: str, options: Iterable[tuple[str, str]], held: str | None, voice: Voice) -> str:
    inside = "".join(
        f'<option value="{escape(value)}"{" selected" if value == (held or "") else ""}>{escape(text)}</option>'
        for value, text in [("", voice["no_preference"]), *options]
    )
    return f'<p><label for="{name}">{escape(label)}</label><select id="{name}" name="{name}">{inside}</select></p>'
