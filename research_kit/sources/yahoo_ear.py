"""Listening to what Yahoo answers, between yfinance and the network."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from research_kit.errors import DataError, NotFoundError
from research_kit.sources.fetching import FetchOptions, library
from research_kit.sources.patience import Transient, retry_after

_LOCK = threading.RLock()  # yfinance has one session and one configuration for the whole process


class Ear:
    """Stands between yfinance and the network: hears what yfinance keeps to itself.

    yfinance takes an empty table for the answer to a refusal, keeps failed answers in a cache, and asks twice without
    a pause. What may pass is raised here as ``Transient``, before any of that.
    """

    def __init__(self, send: Callable[..., Any], symbol: str, interval: str, options: FetchOptions) -> None:
        self._send, self._symbol, self._interval, self._options = send, symbol, interval, options
        self.meta: dict[str, Any] = {}
        self._error: dict[str, Any] | None = None
        self._empty = False

    def __call__(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        """Send a request, as the session's own ``request`` does."""
        chart = "/v8/finance/chart/" in url
        kwargs["timeout"] = self._options.timeout
        try:
            answer = self._send(method, self._address(url), *args, **kwargs)
        except OSError as error:  # the errors of curl_cffi and of requests are OSErrors
            if chart:
                raise Transient(f"Yahoo did not answer ({type(error).__name__})") from error
            raise
        if chart:
            self._judge(answer)
        return answer

    def _address(self, url: str) -> str:
        base = self._options.settings.get("base_url")
        if base is None:
            return url
        server = urlsplit(base)
        return urlsplit(url)._replace(scheme=server.scheme, netloc=server.netloc).geturl()

    def _judge(self, answer: Any) -> None:
        """Remember what an answer says, and refuse what is no answer."""
        status, wait = int(answer.status_code), retry_after(answer.headers, self._options.now())
        if status == 429:
            raise Transient("Yahoo limits how often it is asked", wait)
        if status >= 500:
            raise Transient(f"Yahoo answered with HTTP {status}", wait)
        try:
            said = json.loads(answer.text)
        except ValueError:
            if status < 400:
                raise Transient(
                    f"Yahoo answered with what is no JSON, or cut off ({answer.text[:40]!r})", wait
                ) from None
            raise DataError(f"Yahoo refused {self._symbol} (HTTP {status}).") from None
        chart = said.get("chart") or said.get("finance") or {}
        result = (chart.get("result") or [{}])[0] or {}
        self._error, self._empty = chart.get("error"), bool(result) and not result.get("timestamp")
        self.meta = result.get("meta") or self.meta

    def explain(self, error: Exception) -> None:
        """Return where yfinance failed because there are no bars; otherwise raise why it failed."""
        if type(error).__name__ == "YFRateLimitError":
            raise Transient("Yahoo limits how often it is asked") from error
        said = str((self._error or {}).get("description") or "")
        if (self._error or {}).get("code") == "Not Found":
            raise NotFoundError(f"Yahoo knows no symbol {self._symbol!r} ({said}).{_near_symbol(self._symbol)}")
        if "Data doesn't exist" in said or (self._empty and not self._error):
            return
        if said:
            raise DataError(f"Yahoo refused {self._symbol} {self._interval}: {said}") from error
        raise DataError(
            f"yfinance could not read Yahoo's answer about {self._symbol} ({type(error).__name__}: {error})."
        ) from error

    def check_granularity(self) -> None:
        """Refuse bars of another length: Yahoo gives longer ones, without a word, where a span is too long for it."""
        asked, given = self._interval, self.meta.get("dataGranularity")
        if given not in (None, asked, {"30m": "15m", "60m": "1h"}.get(asked)):  # yfinance makes 30m of 15m
            raise DataError(f"Yahoo answered with bars of {given} where {asked} was asked for; ask for a shorter span.")


def _near_symbol(symbol: str) -> str:
    """Return what may be meant by a symbol that is written as elsewhere."""
    near = ""
    if "/" in symbol:
        near = symbol.replace("/", "-")
    elif len(symbol.rpartition(".")[2]) == 1 and "." in symbol:
        near = symbol.replace(".", "-")
    elif len(symbol) == 6 and symbol.isalpha():
        near = f"{symbol}=X"
    return f" Did you mean {near!r}?" if near else " Look it up at https://finance.yahoo.com/lookup."


@contextmanager
def listening(symbol: str, interval: str, options: FetchOptions) -> Iterator[tuple[Any, Ear]]:
    """Yield a ticker of yfinance and who listens to it, and leave yfinance as it was.

    yfinance has one session for the process, with the user's proxy and cookies: for the time of the fetch its
    ``request`` is ours. Its errors are shown instead of logged, and its cache of answers is emptied before and after.
    """
    vendor = library("yfinance")
    store = library("yfinance.data").YfData
    with _LOCK:
        session, debug = store()._session, vendor.config.debug
        hidden, debug.hide_exceptions = debug.hide_exceptions, False
        ear = Ear(session.request, symbol, interval, options)
        session.request = ear
        _empty_cache(store)
        try:
            yield vendor.Ticker(symbol), ear
        finally:
            with suppress(AttributeError):
                del session.request
            debug.hide_exceptions = hidden
            _empty_cache(store)


def _empty_cache(store: Any) -> None:
    """Empty yfinance's cache of answers: it would hide that Yahoo changed its history."""
    with suppress(AttributeError):
        store.cache_get.cache_clear()
