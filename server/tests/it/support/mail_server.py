"""A real mail server that takes letters and prints each as a line of JSON. Ends with its standard input.

Arguments: nothing, or `--tls CERTIFICATE KEY`, `--user NAME PASSWORD`, `--refuse`, `--silent`.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def say(**what):
    print(json.dumps(what), flush=True)


class Take:
    def __init__(self, refuse):
        self.refuse = refuse

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            return "554 5.7.1 No letters today"
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say(
            sender=envelope.mail_from,
            receivers=envelope.rcpt_tos,
            is_encrypted=session.ssl is not None,
            user=session.auth_data,
            subject=letter["Subject"],
            headers=sorted(letter.keys()),
            text=letter.get_content().replace("\r\n", "\n"),
        )
        return "250 OK"


def authenticator(name, password):
    def check(server, session, envelope, mechanism, data):
        is_right = data.login == name.encode() and data.password == password.encode()
        if is_right:
            session.auth_data = name
        return AuthResult(success=is_right, auth_data=name if is_right else None)

    return check


async def silent(reader, writer):
    await reader.read()
    writer.close()


def option(name, count):
    if name not in sys.argv:
        return None
    start = sys.argv.index(name) + 1
    return sys.argv[start : start + count]


async def main():
    tls, user = option("--tls", 2), option("--user", 2)
    keywords = {"hostname": "mail.test"}
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        keywords.update(tls_context=context, require_starttls=True)
    if user:
        keywords.update(authenticator=authenticator(*user), auth_required=True, auth_require_tls=bool(tls))
    loop = asyncio.get_running_loop()
    if "--silent" in sys.argv:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
    else:
        refuse = "--refuse" in sys.argv
        server = await loop.create_server(lambda: SMTP(Take(refuse), loop=loop, **keywords), "127.0.0.1", 0)
    say(port=server.sockets[0].getsockname()[1])
    await loop.run_in_executor(None, sys.stdin.buffer.read)


asyncio.run(main())
