"""What the columns of a till's table are called, in the words of the tills that shops use.

Headers are compared without case, accents and what is neither letter nor digit: `Bon-Nr.`, `bon nr`.
"""

import unicodedata
from collections.abc import Mapping, Sequence

from services.collector.domain.refusal import Reason, Refused

# Our name -> what others call it.
NAMES: Mapping[str, str] = {
    "type": "type,kind,transaction type,transactiontype,art,vorgang",
    "receipt": "receipt,receipt number,receipt no,receipt id,receiptno,bill,bill no,bill number,invoice,invoice no,invoice number,"
    "ticket,ticket number,transaction,transaction id,transaction number,bon,bonnr,bon nr,belegnummer,beleg,order,order id,order number",
    "store": "store,store id,store no,store number,shop,shop id,branch,branch id,location,location id,outlet,filiale,filialnr",
    "store_name": "store name,shop name,branch name,location name,outlet name",
    "till": "till,till id,till no,register,register id,terminal,terminal id,pos,pos id,counter,kasse,kassennr,kassen nr",
    "time": "time,datetime,date time,timestamp,transaction time,transaction date,sold at,created at,zeitpunkt,uhrzeit",
    "date": "date,day,bill date,invoice date,datum",
    "currency": "currency,currency code,wahrung,waehrung",
    "total": "total,total amount,grand total,bill amount,invoice amount,amount paid,gross total,gesamt,summe,betrag",
    "tax": "tax,vat,gst,tax amount,mwst,ust",
    "discount": "discount,discount amount,rebate,rabatt",
    "coupon": "coupon,coupon code,voucher,promo code,promotion code,gutschein",
    "payment_method": "payment,payment method,tender,tender type,zahlart",
    "product_id": "product id,product,item,item id,item code,article,article id,article number,artikel,artikelnr,artikelnummer,plu",
    "sku": "sku,ean,barcode,upc,gtin",
    "product_name": "product name,item name,article name,description,product description,artikelname,bezeichnung",
    "category": "category,department,product category,product group,warengruppe",
    "brand": "brand,marke",
    "variant": "variant,size,colour,color",
    "quantity": "quantity,qty,pieces,units,menge,anzahl,stuck",
    "price": "price,unit price,item price,price each,rate,mrp,preis,einzelpreis,stuckpreis",
    "customer_id": "customer id,customer,customer no,customer number,user id,member id,kunde,kundennr,kundennummer",
    "loyalty_card": "loyalty card,loyalty,loyalty id,loyalty number,card number,card no,member card,membership number,kundenkarte",
    "phone": "phone,phone number,mobile,mobile number,mobile no,contact,contact number,telephone,telefon,handy",
    "email": "email,e mail,mail,email address,e mail address",
    "original_receipt": "original receipt,original receipt number,original bill,original invoice,original transaction,return of,"
    "refund of,original order,originalbon",
    "original_store": "original store,original store id",
    "original_till": "original till,original till id",
    "original_date": "original date,original receipt date",
}

# Columns about those who work at the till: their names are nobody's business here, and are not kept, not even of rows that are refused.
STAFF = "cashier,cashier id,cashier name,staff,staff id,staff name,employee,employee id,employee name,operator,clerk,salesperson,"
STAFF += "sales person,seller,sold by,server,kassierer,bediener,verkaufer,mitarbeiter"


def folded(header: str) -> str:
    """A header as it is compared."""
    plain = unicodedata.normalize("NFKD", header).casefold()
    return "".join(character for character in plain if character.isalnum())


_KNOWN = {folded(word): name for name, words in NAMES.items() for word in (name, *words.split(","))}
_STAFF = {folded(word) for word in STAFF.split(",")}


def is_of_staff(header: str) -> bool:
    """Whether a column or field is about those who work at the till."""
    return folded(header) in _STAFF


def name_of(header: str) -> str | None:
    """Our name for a column or field that is known by itself; None for any other, and for those about staff."""
    return None if is_of_staff(header) else _KNOWN.get(folded(header))


def fields_of(headers: Sequence[str], stated: Mapping[str, str]) -> list[str | None]:
    """Our name for each column, None for one that is not read. `stated` goes before what is known.

    Raises Refused where two columns mean the same, a stated one is missing, or no column holds the receipt.
    """
    wanted = {folded(header): field for header, field in stated.items()}
    missing = sorted(wanted.keys() - set(map(folded, headers)))
    if missing:
        raise Refused(
            Reason.INVALID_TABLE, f"`columns` names {len(missing)} headers that the table does not have: see its first row"
        )
    found = [wanted.get(folded(header)) or _known(header, wanted) for header in headers]
    named = [field for field in found if field]
    twice = sorted({field for field in named if named.count(field) > 1})
    if twice:
        raise Refused(Reason.INVALID_TABLE, f"several columns mean {', '.join(twice)}: say in `columns` which one to read")
    if "receipt" not in named:
        raise Refused(
            Reason.INVALID_TABLE, "no column holds the number of the receipt: name it in `columns`, or check the delimiter"
        )
    return found


def _known(header: str, wanted: Mapping[str, str]) -> str | None:
    """Our name for a header that nobody stated; none for a meaning that was stated of another column."""
    found = name_of(header)
    return None if found in wanted.values() else found
