"""Guesses about operations: what is guessed safe, what never is, and why, over made-up names and over a real ticketing API's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.wsdl import index_one
from sidecar.policy.guesses import guess, peril, session_keys
from tests.support.require import wsdl_corpus


def listed(text: str) -> list[str]:
    """Return the names in a text."""
    return text.split()


# Tessitura's, each looked at: they only read, by their names, their parameters and their documentation.
READS = listed("""
GetAccountInfo GetAddressAndShippingMethod GetAttributes GetBillingSchedules GetCart GetCartBrief GetCityStateProvinceByPostalCode
GetConstituentInfo GetConstituentInfoEx GetContactOptions GetCountries GetExistingOrdersInfo GetFees GetGiftAidInfo
GetGiftCertificateInfo GetKeywords GetKeywordsEx GetLocalData GetLocalDataEx GetMaxTicketAmount GetModeOfSaleRules GetNFSPackageDetail
GetNFSPackageDetailEx GetOnAccountInfo GetOrder GetOrderDetails GetPackageDetail GetPackageDetailEx GetPackageDetailWithDiscounting
GetPackageDetailWithDiscountingEx GetPackageItem GetPackages GetPackagesEx GetPackagesEx2 GetPackagesEx3 GetPerSeatFees
GetPerformanceAvailability GetPerformanceDetail GetPerformanceDetailEx GetPerformanceDetailSYOS GetPerformanceDetailSYOSDataSet
GetPerformanceDetailWithDiscounting GetPerformanceDetailWithDiscountingEx GetPerformanceDetailWithDiscountingSYOS
GetPerformanceDetailWithDiscountingSYOSDataSet GetPerformanceDetailWithDiscountingSYOSEx GetPerformances GetPerformancesEx
GetPerformancesEx2 GetPerformancesEx3 GetPerformancesEx4 GetPermissions GetProductionCredits GetProductionDetail GetProductionDetailEx
GetProductionDetailEx2 GetProductionDetailEx3 GetProductions GetProductionsEx GetProductionsEx2 GetProductionsEx3 GetPromoCode
GetPromoCodeEx GetReturnTickets GetScreens GetSeatStatus GetSeatSummary GetSeats GetSeatsBrief GetSeatsBriefEx GetSeatsByScreen
GetSeatsByScreenBrief GetSeatsBySection GetSeatsBySectionBrief GetSeatsBySections GetSeatsBySectionsBrief GetSeatsByZone
GetSeatsByZoneBrief GetSeatsByZones GetSeatsByZonesBrief GetShippingMethods GetSpecialActivities GetStateProvince GetStateProvinceEx
GetSubLineItems GetSubscriptionHistory GetTicketExpiration GetTicketHistory GetVariables GetVenue GetWebContent GetZonesPerSection
""")
# It reads too; whether a caller should see it is a question for `expose`.
MAY = {"GetDefaults", "GetOrdersForDelivery"}
# It begins like a question, and is more than one: it makes a session, logs in, prints or mails, tries to write, runs a procedure that
# somebody has put there, changes the cart, or takes a password or a card's number.
NEVER = {
    "makes a session": ["GetNewSessionKey", "GetNewSessionKeyEx", "TransferSession"],
    "logs in": [
        "Login", "LoginEx", "LoginEx2", "LoginEx3", "LoginConstituent", "LoginWithPromoCode", "LoginInfo", "LoggedIn", "Logout",
        "ValidateTessituraUser", "ValidateTessituraUserEx", "ForgotLogin", "CreateLogin", "Register", "RegisterWithPromoCodeEx",
    ],
    "prints": ["GetTicketPrintInformation", "GetPrintAtHomeSettings", "PrintTickets", "RequestReprint", "GetOrdersEx"],
    "mails": [
        "GetOrderConfirmationEmail", "GetMailPurposes", "SendCredentials", "SendOrderConfirmationEmail", "SendTicketEmail",
        "TestOrderConfirmationEmail", "SMTPListening",
    ],
    "does more than it says": [
        "GetAPIDiagnostics", "ValidateCustomOffer", "ValidateLimits", "ValidatePaymentPlan", "ValidateNFSPackages",
        "ValidateSuperPackages", "CalculateFees", "LoadExistingOrder",
    ],
    "takes a secret": ["GetHoldCodes", "GetConstituents", "GetConstituentsEx"],
    "is about money": ["GetPaymentMethod", "Checkout", "CheckoutEx4", "ReserveTickets", "PurchaseGiftCertificate"],
    "is worse": ["Batch", "DestroyCache", "ExecuteLocalProcedure"],
}  # fmt: skip
PERILS = {"Batch", "DestroyCache", "ExecuteLocalProcedure"}


def tessitura() -> dict[str, list[str]]:
    """Return the operations of Tessitura's API with their parameters."""
    found = index_one((wsdl_corpus() / "tessitura.wsdl").read_bytes())
    return {each.name: [one.name for one in each.parameters or ()] for each in found.operations}


def test_tessitura() -> None:
    """Exactly those of its 230 operations are guessed safe that somebody has looked at."""
    guessed = {name for name, parameters in tessitura().items() if guess(name, parameters).safe}
    assert guessed == {*READS} | MAY


@pytest.mark.parametrize("why", NEVER)
def test_never_over_tessitura(why: str) -> None:
    """What makes sessions, logs in, prints, mails, pays or runs things is never guessed safe, and all these operations are there."""
    operations = tessitura()
    assert [name for name in NEVER[why] if guess(name, operations[name]).safe] == []


def test_perils_over_tessitura() -> None:
    """Three of its operations are for nobody outside."""
    assert {name for name, parameters in tessitura().items() if peril(name, parameters)} == PERILS


@pytest.mark.parametrize("name", READS)
def test_reads_by_name_alone(name: str) -> None:
    """With no parameters known the same names are guessed safe, each because of its verb."""
    assert guess(name).safe
    assert guess(name).why == "begins with Get"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("GetSeats", "begins with Get"),
        ("getSeats", "begins with get"),
        ("get_seats", "begins with get"),
        ("GET_SEATS", "begins with GET"),
        ("tickets.get_seats", "begins with get"),
        ("system.listMethods", "begins with list"),
        ("LookUpOrder", "begins with LookUp"),
        ("LookupOrder", "begins with Lookup"),
        ("query", "begins with query"),
        ("IsOnSale", "begins with Is"),
        ("HasSeats", "begins with Has"),
        ("CheckAvailability", "begins with Check"),
        ("CountSeats", "begins with Count"),
        ("describeSObject", "begins with describe"),
        ("FindDuplicates", "begins with Find"),
        ("SearchEvents", "begins with Search"),
        ("ReadNote", "begins with Read"),
        ("retrieve", "begins with retrieve"),
        ("GetNews", "begins with Get"),
        ("GetNewsletters", "begins with Get"),
        ("GetAddress", "begins with Get"),
        ("GetLogo", "begins with Get"),
        ("GetPresets", "begins with Get"),
        ("GetKeywords", "begins with Get"),
        ("GetDataSet", "begins with Get"),
        ("GetTermsAndConditions", "begins with Get"),
        ("GetCatalogInfo", "begins with Get"),
    ],
)
def test_safe(name: str, why: str) -> None:
    """A verb of reading at the beginning, in every usual way of writing names, and nothing else in it."""
    assert (guess(name).safe, guess(name).why) == (True, why)


@pytest.mark.parametrize(
    "name",
    listed("""
    GetNewSessionKey getNewSessionKey get_new_session_key GETNEWSESSIONKEY GetSession GetSessionsEx IsSessionValid GetToken get_csrf_token
    GetLogin CheckLogin CheckLogon IsLoggedIn GetLogInPage CheckSignIn CheckPassword GetAuthenticationTicket HasAuthorization get_oauth_url
    GetCredentials GetLog GetAuth GetOTP
    GetKey get_api_keys GetNonce GetNewId get_newkey GetNext GetNextNumber get_nextval QueryMore GetMessages PopGet ReadMessage GetMessage
    GetEmail GetE-Mail GetEMail GetMailbox get_mail FindNotifications GetSms GetTicketPrinted GetPrintout GetReprint
    GetAndReset GetOrCreate FindAndBook GetSeatsAndHold FindOrderThenPay GetCreateDate GetSeatsAndReserve ReadAndDelete GetUpdated
    GetDeleted
    GetRegister CheckOut CheckIn CheckOutCart CheckOff CountVote CountDown
    CheckPayment GetCheckout GetCharges CheckReset ListAdd GetLock GetUnlockCode QueryRun QueryExecute GetProcedure GetBatch GetTransfer
    GetClearance_and_clear GetAPIDiagnostics
    Gets Getaway Listen ListenTo Issue IssueTicket Isolate Hash HashIt Counter Checker Reader Finder Ready Hasten Lookout
    HelloWorld Validate VerifyCard CalculateFees LoadOrder FetchMail Export TestConnection ReserveTickets DoGet
    """),
)
def test_never(name: str) -> None:
    """Whatever else its beginning promises, each has a reason in words."""
    assert not guess(name).safe
    assert len(guess(name).why.split()) > 2


@pytest.mark.parametrize(
    "name", ["", "_", "...", "Get\u200bSeats", "G\u0435tSeats", "GetSeats\n", "\u017fearch", "Get Seats", "GétSeats"]
)
def test_strange_names(name: str) -> None:
    """Letters that only look like the right ones promise nothing, and nothing raises."""
    assert not guess(name).safe


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        (["sTessPWD"], "takes a secret, sTessPWD"),
        (["password"], "takes a secret, password"),
        (["sCCNumber"], "takes a secret, sCCNumber"),
        (["card_no"], "takes a secret, card_no"),
        (["CreditCard"], "takes a secret, CreditCard"),
        (["cvv2"], "takes a secret, cvv2"),
        (["iPIN"], "takes a secret, iPIN"),
        (["id", "sSql"], "takes something to run, sSql"),
        (["cAction"], "may be told to do more, cAction"),
        (["bMarkAsRead"], "may be told to do more, bMarkAsRead"),
        (["delete"], "may be told to do more, delete"),
        (["cPrint"], "may be told to do more, cPrint"),
    ],
)
def test_parameters_against(parameters: list[str], why: str) -> None:
    """A question that takes a secret, or can be told to do more, is not guessed safe; the reason names the parameter."""
    assert (guess("GetSeats", parameters).safe, guess("GetSeats", parameters).why) == (False, why)


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        [],
        ["sSessionKey", "iPerformance"],
        ["iAccNo", "CardType", "number"],  # an account's, and two that are no card's number together
        ["dUpdateDate", "updated_since", "dtCreateDate", "AddressId", "TransactionType", "spinner"],
        ["action_date", "", "s", "\u00e9"],
    ],
)
def test_parameters_that_say_nothing(parameters: list[str] | None) -> None:
    """Session keys, filters by time and words that only resemble the others change nothing."""
    assert guess("GetSeats", parameters).safe


@pytest.mark.parametrize(
    ("name", "parameters", "why"),
    [
        ("Batch", ["requests"], "runs other operations"),
        ("batch", None, "runs other operations"),
        ("ExecuteLocalProcedure", ["id"], "runs what it is given"),
        ("run_script", ["text"], "runs what it is given"),
        ("ExecuteBatch", ["x"], "runs what it is given"),
        ("DestroyCache", [], "ends or empties something, and takes no argument that says what"),
        ("DestroyCache", None, "ends or empties something, and takes no argument that says what"),
        ("SystemReboot", [], "ends or empties something, and takes no argument that says what"),
        ("DestroyOrder", ["id"], ""),
        ("ExecuteOrder", ["id"], ""),
        ("BatchUpdate", ["id"], ""),
        ("ListDropDowns", [], ""),
        ("ClearCart", ["key"], ""),
        ("", [], ""),
    ],
)
def test_perils(name: str, parameters: list[str] | None, why: str) -> None:
    """What runs anything, or ends everything, is named; what is told which one is not."""
    assert peril(name, parameters) == why


def test_session_keys() -> None:
    """The most used first, equal ones by name, each counted once per operation."""
    operations = [
        ["sSessionKey", "iOrder"],
        ["sSessionKey", "sSessionKey"],
        ["sWebSessionId"],
        ["session"],
        ["sid", "authToken"],
        None,
    ]
    assert session_keys(operations) == {
        "sSessionKey": 2,
        "authToken": 1,
        "sWebSessionId": 1,
        "session": 1,
        "sid": 1,
    }


@pytest.mark.parametrize(
    "name",
    ["SessionKey", "sSessionKey", "sWebSessionId", "sWebSessionID", "session_id", "SESSIONID", "sessionToken", "token", "accessToken",
     "security_token"],
)  # fmt: skip
def test_what_looks_like_a_session_key(name: str) -> None:
    """As ticketing systems and others write it."""
    assert list(session_keys([[name]])) == [name]


@pytest.mark.parametrize(
    "name", ["sNewKey", "Key", "iSeason", "sessionCount", "ticket", "iTicketNo", "sForgotLoginToken", "side", ""]
)
def test_what_does_not(name: str) -> None:
    """A ticket is what is sold, and a key opens anything."""
    assert session_keys([[name]]) == {}


WORDS = st.sampled_from(["Get", "List", "Seats", "Order", "And", "By", "Ex", "2", "_", "Venue"])
BAD = st.sampled_from(listed("Session NewKey Login Logout Token Print Email Mail Password Create Delete Execute"))


@given(st.lists(WORDS, max_size=4), BAD, st.lists(WORDS, max_size=4))
def test_wherever_the_bad_word_stands(before: list[str], bad: str, behind: list[str]) -> None:
    """A word that is never safe is found in every place of a name."""
    assert not guess("Get" + "".join(before) + bad + "".join(behind)).safe


@given(st.text(), st.none() | st.lists(st.text()))
def test_nothing_raises(name: str, parameters: list[str] | None) -> None:
    """Names come from documents that others wrote."""
    assert guess(name, parameters).why
    assert isinstance(peril(name, parameters), str)
    assert isinstance(session_keys([parameters]), dict)
