"""A worker process for crash tests: sends the campaign named in its first argument by the account in its second."""

import json
import sys
from typing import Any

from app.core.settings import load_settings
from app.factory import create_app
from app.sending import engine
from app.sending.apis.account import ApiAccount
from app.sending.ways import Way


def main(campaign: int, account: ApiAccount) -> None:
    async def choose(*_args: Any, **_named: Any) -> Way:
        return Way(None, account)

    engine.choose_way = choose
    app = create_app(load_settings(), web=False)
    with app.app_context():
        print("ready", flush=True)
        engine.run_slice(campaign)


if __name__ == "__main__":
    main(int(sys.argv[1]), ApiAccount(**json.loads(sys.argv[2])))
